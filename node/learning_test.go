package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// bring hands a learning agreement over as a wallet does.
func bring(ctx context.Context, n *Node, c exchange.Connection, id string, b recognition.Bundle) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	out, err := n.onLearning(ctx, exchange.Inbound{Connection: c, Message: exchange.LearningAgreement(id, raw)})
	if err != nil {
		return err
	}
	return n.db.Update(ctx, out.Apply)
}

// mobility is a learning agreement that home signs, under an agreement.
func (n *Node) mobility(t *testing.T, id, learner, under string) []byte {
	t.Helper()
	raw, err := n.signStatement(t.Context(), recognition.Draft{Statement: recognition.Statement{Kind: recognition.Learning, ID: id, Name: "Mobility of Ana", Of: learner, From: n.second(), Agreement: under,
		Recognizes: []recognition.Rule{{Source: birchMaker, Target: birchMaker, Association: recognition.ExactMatch}}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// under is somebody's signature under the bytes of an agreement.
func (n *Node) under(t *testing.T, id string, raw []byte) []byte {
	t.Helper()
	out, err := n.signStatement(t.Context(), recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Countersignature", Of: id, From: n.second()},
		Resources: []credentials.Resource{{ID: id, MediaType: "application/vc", DigestMultibase: recognition.Digest(raw)}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The id of a learning agreement is its signer's choice: it replaces no partner
// agreement, and names the one that it is under in full.
func TestALearningAgreementReplacesNoAgreement(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	own, theirs := agreed(t, birch, alder, ""), agreed(t, alder, birch, "")
	c := connectedTo(t, birch)
	for name, x := range map[string]struct{ id, under string }{
		"an agreement's id":      {own.ID, theirs.ID},
		"no UUID":                {"urn:x:1", theirs.ID},
		"the beginning of an id": {alder.newURN(), theirs.ID[:17]},
		"under ours":             {alder.newURN(), own.ID},
		"under none":             {alder.newURN(), "urn:uuid:none"},
	} {
		var p *didcomm.Problem
		if err := bring(t.Context(), birch, c, x.id, recognition.Bundle{Agreement: alder.mobility(t, x.id, ana, x.under)}); !errors.As(err, &p) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := birch.AgreementBundle(t.Context(), own.ID); err != nil || string(now.Bundle) != string(own.Bundle) {
		t.Errorf("the agreement is another: %v", err)
	}
	var p *didcomm.Problem
	for i := range maxLearnings + 1 {
		id := alder.newURN()
		err := bring(t.Context(), birch, c, id, recognition.Bundle{Agreement: alder.mobility(t, id, ana, theirs.ID)})
		if i < maxLearnings && err != nil || i == maxLearnings && !errors.As(err, &p) {
			t.Errorf("number %d: %v", i+1, err)
		}
	}
}

// The learner's signature comes while the host signs, twice at once: each is
// there once.
func TestASignatureThatComesWhileTheHostSignsIsKept(t *testing.T) {
	alder, birch, learner := reachable(t, "Alder", nil), reachable(t, "Birch", nil), keyed(t)
	theirs := agreed(t, alder, birch, "")
	c := connectedTo(t, birch)
	for range 5 {
		id := alder.newURN()
		raw := alder.mobility(t, id, learner.id.String(), theirs.ID)
		if err := bring(t.Context(), birch, c, id, recognition.Bundle{Agreement: raw}); err != nil {
			t.Fatal(err)
		}
		signature := learner.under(t, id, raw)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := birch.CountersignLearning(t.Context(), CountersignLearningRequest{ID: id}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Go(func() {
			if err := bring(t.Context(), birch, c, id, recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{signature}}); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		l, b, err := birch.learningBundle(t.Context(), id)
		if err != nil || len(b.Countersignatures) != 2 || len(l.Signers) != 2 || !slices.Contains(l.Signers, learner.id.String()) {
			t.Fatalf("%d signatures by %v, %v", len(b.Countersignatures), l.Signers, err)
		}
	}
}

// A badge by e-mail belongs to no connection, nor to an empty name.
func TestATranscriptIsOfSomebody(t *testing.T) {
	n := keyed(t)
	if _, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{DID: ana}}); err != nil {
		t.Fatal(err)
	}
	if out, err := n.IssueTranscript(t.Context(), TranscriptRequest{}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "name a connection or a DID") {
		t.Errorf("%+v, %v", out, err)
	}
}

// Two catalogues may use one slug; a path of one says nothing about the other's
// badge.
func TestATranscriptOrdersBadgesByTheirOwnCatalogue(t *testing.T) {
	n := keyed(t)
	badge := func(slug string) []byte {
		g, err := n.Grant(t.Context(), GrantRequest{Achievement: slug, To: Recipient{DID: ana}})
		if err != nil {
			t.Fatal(err)
		}
		_, raw, err := n.Award(t.Context(), g.Award.ID)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	base := n.set.Base + "/openbadges/a/"
	both := transcript{learner: ana, badges: [][]byte{badge("basics"), badge("earner")}}
	for name, tt := range map[string]struct {
		is   string
		want int
	}{"their own": {"openbadges/basics", 1}, "another catalogue's": {"welding/basics", 0}} {
		t.Run(name, func(t *testing.T) {
			both.ids = map[string]string{tt.is: base + "basics", "openbadges/earner": base + "earner"}
			raw, err := n.unsignedTranscript(n.newURN(), both)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Count(raw, []byte(`"associationType":"precedes"`)); got != tt.want {
				t.Errorf("%d associations, want %d: %s", got, tt.want, raw)
			}
		})
	}
}

// A badge outlives the connection that it was handed out by.
func TestATranscriptHasBadgesOfAConnectionThatWasRemoved(t *testing.T) {
	n := keyed(t)
	c := connectedTo(t, n)
	g, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{Connection: c.ID}})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := did.Parse(ana)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := n.issueFor(t.Context(), g.Award.ID, subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.Update(t.Context(), signed.Record); err != nil {
		t.Fatal(err)
	}
	if out, err := n.IssueTranscript(t.Context(), TranscriptRequest{To: ana}); err != nil || out.Badges != 1 || !out.Sent {
		t.Errorf("with the connection: %+v, %v", out, err)
	}
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Delete(tx, c.ID) }); err != nil {
		t.Fatal(err)
	}
	if out, err := n.IssueTranscript(t.Context(), TranscriptRequest{To: ana}); err != nil || out.Badges != 1 || out.Sent {
		t.Errorf("without: %d badges, sent %v, %v", out.Badges, out.Sent, err)
	}
}

func TestAFileOfAnAgreementIsOneDocument(t *testing.T) {
	n := keyed(t)
	for name, read := range map[string]func([]byte) error{
		"agreement":          func(raw []byte) error { _, err := readAgreementFile(raw); return err },
		"learning agreement": func(raw []byte) error { _, err := n.SignLearning(t.Context(), SignLearningRequest{raw}); return err },
	} {
		key := strings.ReplaceAll(name, " ", "_")
		if err := read([]byte(key + ": Mobility\n---\n" + key + ": Another\n")); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "a second document begins; keep one agreement a file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
