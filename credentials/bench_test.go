package credentials_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/status"
)

// perVerify reports the time of an operation as a multiple of one bare
// ed25519.Verify (V). The two take turns, so that a busy machine slows both,
// and the medians are compared.
func perVerify(b *testing.B, f func() error) {
	b.Helper()
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	m := bytes.Repeat([]byte{1}, 64)
	sig := ed25519.Sign(priv, m)
	var bare, whole []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if !ed25519.Verify(pub, m, sig) {
			b.Fatal("a good signature does not verify")
		}
		middle := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		end := time.Now()
		bare, whole = append(bare, middle.Sub(start)), append(whole, end.Sub(middle))
	}
	slices.Sort(bare)
	slices.Sort(whole)
	mid := len(whole) / 2
	b.ReportMetric(float64(whole[mid].Nanoseconds()), "ns/op")
	b.ReportMetric(float64(whole[mid])/float64(bare[mid]), "V")
}

// big is a badge of the size of DESIGN.md §6: about 3.4 KB.
func (w *world) big() credentials.Award {
	a := w.award()
	a.Achievement = []byte(strings.Replace(achievement, `"tag":`, `"humanCode":"openbadges/designer","version":"1.0.0","inLanguage":"en",`+
		`"creator":{"id":"`+w.issuer.id.String()+`","type":["Profile"],"name":"Alder"},"otherIdentifier":[{"type":"IdentifierEntry","identifier":"d-1","identifierType":"identifier"}],"tag":`, 1))
	for i := range 3 {
		a.Evidence = append(a.Evidence, credentials.Evidence{Name: fmt.Sprintf("Session %d given", i+1), Genre: "text", Narrative: "Gave a session about badges for the youth association, with a handout."})
	}
	return a
}

// An issuer comes back after 600 others, which is more than are remembered.
// Its DID document is at hand; the badge has no status.
func BenchmarkReportIssuerNeverSeen(b *testing.B) {
	w := newWorld(b)
	var raws [][]byte
	for i := range 600 {
		w.issuer = newParty(b, fmt.Sprint("issuer", i))
		a := w.big()
		a.Status = nil
		raws = append(raws, w.issue(b, a).Credential().Bytes())
	}
	i := 0
	perVerify(b, func() error {
		i++
		return w.v.Report(b.Context(), raws[i%len(raws)], credentials.ReportOptions{}).Err()
	})
}

// atHand are status lists that no request is made for.
type atHand map[string]status.Fetched

func (a atHand) StatusList(_ context.Context, url string) (status.Fetched, error) {
	return a[url], nil
}

// withLists has status list and expiry list at hand.
func withLists(b *testing.B) *world {
	w := newWorld(b)
	sibling, _ := status.Sibling(listURL)
	w.publish(b, sibling, status.Refresh)
	lists := atHand{}
	for _, url := range []string{listURL, sibling} {
		lists[url] = must(w.net.StatusList(b.Context(), url))
	}
	w.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: lists, Now: func() time.Time { return w.now }})
	return w
}

// The issuer is known, its status list and expiry list at hand.
func BenchmarkReportOnBadgeWithStatus(b *testing.B) {
	w := withLists(b)
	raw := w.issue(b, w.big()).Credential().Bytes()
	b.Logf("%d bytes", len(raw))
	perVerify(b, func() error { return w.v.Report(b.Context(), raw, credentials.ReportOptions{}).Err() })
}

// stream are badges of one achievement for many learners.
func (w *world) stream(b testing.TB, n int) (unsigned, signed [][]byte) {
	for i := range n {
		w.learner = newParty(b, fmt.Sprint("learner", i))
		a := w.big()
		a.ID = fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012d", i)
		entry := status.NewEntry(listURL, status.Revocation, i)
		a.Status = &entry
		doc := must(credentials.Build(a))
		unsigned = append(unsigned, doc)
		signed = append(signed, must(dataintegrity.AddProof(b.Context(), doc, dataintegrity.Options{Created: w.now}, w.issuer)))
	}
	return unsigned, signed
}

// Badges of one achievement, each for another learner, their list at hand.
func BenchmarkReportStream(b *testing.B) {
	w := withLists(b)
	_, signed := w.stream(b, 2000)
	i := 0
	perVerify(b, func() error {
		i++
		return w.v.Report(b.Context(), signed[i%len(signed)], credentials.ReportOptions{}).Err()
	})
}

// The same, each of another build: a number differs.
func BenchmarkReportOfNewBuild(b *testing.B) {
	w := withLists(b)
	unsigned, signed := w.stream(b, 2000)
	for i, doc := range unsigned {
		other := bytes.Replace(doc, []byte(`"credentialSubject":{`), fmt.Appendf(nil, `"credentialSubject":{"creditsEarned":%d,`, i), 1)
		signed[i] = must(dataintegrity.AddProof(b.Context(), other, dataintegrity.Options{Created: w.now}, w.issuer))
	}
	i := 0
	perVerify(b, func() error {
		i++
		return w.v.Report(b.Context(), signed[i%len(signed)], credentials.ReportOptions{}).Err()
	})
}

func BenchmarkSignStream(b *testing.B) {
	w := newWorld(b)
	unsigned, _ := w.stream(b, 2000)
	i := 0
	perVerify(b, func() error {
		i++
		_, err := dataintegrity.AddProof(b.Context(), unsigned[i%len(unsigned)], dataintegrity.Options{Created: w.now}, w.issuer)
		return err
	})
}

func BenchmarkReportJCS(b *testing.B) {
	w := newWorld(b)
	raw := must(dataintegrity.AddProof(b.Context(), must(credentials.Build(w.big())), dataintegrity.Options{Cryptosuite: dataintegrity.EdDSAJCS, Created: w.now}, w.issuer))
	perVerify(b, func() error { return w.v.Report(b.Context(), raw, credentials.ReportOptions{}).Err() })
}

func BenchmarkIssueWithSelfVerification(b *testing.B) {
	w := newWorld(b)
	unsigned := must(credentials.Build(w.big()))
	perVerify(b, func() error {
		_, err := credentials.Issue(b.Context(), w.v, unsigned, w.issuer, w.now)
		return err
	})
}

func BenchmarkSign(b *testing.B) {
	w := newWorld(b)
	unsigned := must(credentials.Build(w.big()))
	for _, suite := range []string{dataintegrity.EdDSARDFC, dataintegrity.EdDSAJCS} {
		b.Run(suite, func(b *testing.B) {
			perVerify(b, func() error {
				_, err := dataintegrity.AddProof(b.Context(), unsigned, dataintegrity.Options{Cryptosuite: suite, Created: w.now}, w.issuer)
				return err
			})
		})
	}
}

func BenchmarkVerifyJWT(b *testing.B) {
	w := newWorld(b)
	v, err := credentials.IssueJWT(b.Context(), w.v, must(credentials.Build(w.big())), w.issuer, w.now)
	if err != nil {
		b.Fatal(err)
	}
	raw := v.Credential().Bytes()
	perVerify(b, func() error { return w.v.Report(b.Context(), raw, credentials.ReportOptions{}).Err() })
}

func BenchmarkPublishListOf131072(b *testing.B) {
	w := newWorld(b)
	bits := status.NewBitmap(status.MinLength)
	i := 0
	perVerify(b, func() error {
		bits.Set(i%bits.Len(), true)
		i += 7919
		_, err := credentials.SignStatusList(b.Context(), status.Description{ID: listURL, Issuer: w.issuer.id.String(), Purpose: status.Revocation, ValidFrom: w.now}, bits, w.issuer, w.now)
		return err
	})
}
