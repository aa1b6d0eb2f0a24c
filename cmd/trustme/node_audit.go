package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

func auditCheck() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "verify a journal in a file, without the node", ArgsUsage: "FILE",
		Description: example("Exit 1, naming the first broken entry, when it is not whole. A journal that was cut short or written anew is whole in itself: hold it to the checkpoints that your own node keeps of that partner, as `audit checkpoints --json` writes them.", "trustme node audit checkpoints --json > kept.json\ntrustme node audit check --checkpoints kept.json journal.jsonl"),
		Flags:       []cli.Flag{jsonFlag, &cli.StringFlag{Name: "checkpoints", Usage: "`FILE` of checkpoints to hold it to"}, &cli.StringFlag{Name: "of", Usage: "the `DID` whose journal it is, where the checkpoints are of several"}},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			kept, err := checkpointsIn(c.String("checkpoints"), c.String("of"))
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			defer f.Close()
			return sayAudit(c, heldTo(f, kept))
		},
	}
}

// checkpointsIn reads the checkpoints of one node, by their entries.
func checkpointsIn(file, of string) (map[uint64]node.Checkpoint, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := readInput(file, 64<<20)
	if err != nil {
		return nil, err
	}
	var all []node.Checkpoint
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, usagef("%s: %v; write it with: trustme node audit checkpoints --json", file, err)
	}
	out := map[uint64]node.Checkpoint{}
	for _, k := range all {
		switch {
		case of != "" && k.Of != of:
			continue
		case of == "" && k.Of != all[0].Of:
			return nil, usagef("%s holds checkpoints of %s and of %s; say whose journal it is with --of DID", file, all[0].Of, k.Of)
		}
		out[k.Seq] = k
	}
	if len(out) == 0 {
		return nil, usagef("%s holds no checkpoints; write them with: trustme node audit checkpoints --json", file)
	}
	return out, nil
}

// heldTo verifies a journal in a file, and holds it to checkpoints.
func heldTo(f *os.File, kept map[uint64]node.Checkpoint) node.Audit {
	var wrong *store.FactError
	fit, newest := 0, uint64(0)
	last, err := store.VerifyLines(f, func(l store.Fact) {
		k, ok := kept[l.Seq]
		switch {
		case !ok:
		case k.Hash == l.Hash:
			fit++
		case wrong == nil:
			wrong = &store.FactError{Seq: l.Seq, Err: fmt.Errorf("its hash is not the one that was signed on %s", k.Signed.UTC().Format(time.DateOnly))}
		}
	})
	for seq := range kept {
		newest = max(newest, seq)
	}
	if err == nil && wrong == nil && newest > last.Seq {
		wrong = &store.FactError{Seq: last.Seq + 1, Err: fmt.Errorf("it ends here, and a checkpoint of entry %d is kept", newest)}
	}
	if broken, ok := errors.AsType[*store.FactError](err); ok && (wrong == nil || broken.Seq < wrong.Seq) {
		wrong = broken
	}
	a := node.Audit{OK: err == nil && wrong == nil, Facts: last.Seq, Hash: last.Hash, Checkpoints: fit}
	if wrong != nil {
		a.Broken, a.Why = wrong.Seq, wrong.Err.Error()
	}
	return a
}
