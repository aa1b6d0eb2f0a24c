package node_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

// BenchmarkGrant awards badges that are built, signed, verified and durable,
// 64 at a time as a CSV file does.
func BenchmarkGrant(b *testing.B) {
	dir := b.TempDir()
	if err := node.Init(node.InitRequest{Dir: dir, Settings: node.Settings{Name: "Alder", Reserve: 1}, Seal: seal.Options{}}); err != nil {
		b.Fatal(err)
	}
	n, err := node.Open(context.Background(), node.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	var i atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			to := node.Recipient{Email: fmt.Sprintf("learner%d@example.org", i.Add(1))}
			if _, err := n.Grant(context.Background(), node.GrantRequest{Achievement: "basics", To: to}); err != nil {
				b.Error(err)
			}
		}
	})
}
