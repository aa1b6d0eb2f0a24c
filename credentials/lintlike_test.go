package credentials

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
)

const likeBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1","type":["VerifiableCredential","OpenBadgeCredential"],` +
	`"issuer":{"id":"did:key:z6Mk","type":["Profile"],"name":"Alder","email":"a@alder.example"},"validFrom":"2026-01-01T00:00:00Z","validUntil":"2027-01-01T00:00:00Z","name":"Badge","description":{"@value":"D","@language":"en"},` +
	`"credentialStatus":{"id":"https://a.example/1#2","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"2","statusListCredential":"https://a.example/1"},` +
	`"credentialSubject":{"id":"did:key:z6Ml","type":["AchievementSubject"],"identifier":[{"type":"IdentityObject","hashed":true,"identityHash":"sha256$5c2f3bd07a544f0e9e556a3c0a2f9a115c2f3bd07a544f0e9e556a3c0a2f9a11","identityType":"emailAddress","salt":"s"}],` +
	`"result":[{"type":["Result"],"resultDescription":"urn:x:3","status":"Completed"}],"achievement":{"id":"urn:x:2","type":["Achievement"],"name":"B","achievementType":"Badge","inLanguage":"en","criteria":{"narrative":"C"},"description":"D",` +
	`"image":{"id":"https://a.example/i.png","type":"Image"},"alignment":[{"type":["Alignment"],"targetName":"E","targetUrl":"https://e.example/"}]}},` +
	`"evidence":[{"id":"https://e.example/w","type":["Evidence"],"name":"G"}],"relatedResource":[{"id":"https://e.example/1","digestSRI":"x"},{"id":"https://e.example/2","digestSRI":"y"}],` +
	`"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-01-01T00:00:00Z","verificationMethod":"did:key:z6Mk#z6Mk","proofPurpose":"assertionMethod","proofValue":"z1"}}`

var aText = regexp.MustCompile(`"[^"]*"`)

// Whatever texts differ, a badge like another has the problems that it has alone.
func TestABadgeLikeAnotherIsHeldToTheRulesAsItIsAlone(t *testing.T) {
	texts := []string{"", "x", "no url", "urn:x:9", "https://e.example/1", "2028-01-01T00:00:00Z", "2026-01-01", "2026-02-30T00:00:00Z", "de-CH", "ext:x", "Profile", "IdentityObject", "md5$00", "sha256$00",
		"https://www.w3.org/2018/credentials/v1", "EndorsementCredential", "ClrCredential", "DE", "a\tb"}
	at := aText.FindAllStringIndex(likeBadge, -1)
	for _, span := range at {
		texts = append(texts, likeBadge[span[0]+1:span[1]-1])
	}
	for range 130 { // until it surely is a pattern
		if _, err := jsondoc.Parse([]byte(likeBadge)); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	along, sound := 0, 0
	for range 30_000 {
		in, picked := likeBadge, map[int]string{}
		for range 1 + r.IntN(3) {
			picked[r.IntN(len(at))] = texts[r.IntN(len(texts))]
		}
		for i := len(at) - 1; i >= 0; i-- { // from behind, so that places stay
			if s, ok := picked[i]; ok && (!strings.HasPrefix(likeBadge[at[i][1]:], ":") || r.IntN(20) == 0) {
				in = in[:at[i][0]] + `"` + s + `"` + in[at[i][1]:]
			}
		}
		doc, err := jsondoc.Parse([]byte(in))
		if err != nil {
			continue
		}
		if doc.Like() != nil {
			along++
		}
		for _, k := range []Kind{Badge, AnyCredential} {
			for _, issuing := range []bool{false, true} {
				l := &linter{issuing: issuing}
				l.credential(doc, k)
				if !soundLike(doc, k, issuing) {
					continue
				}
				if sound++; len(l.problems) > 0 {
					t.Fatalf("%s is sound as one like it is, but %v", in, l.problems)
				}
			}
		}
		l := &linter{}
		l.credential(doc, Badge)
		if got := lintDoc(doc, Badge); !reflect.DeepEqual(got, l.problems) {
			t.Fatalf("%s: %v, alone %v", in, got, l.problems)
		}
	}
	t.Logf("%d badges were like the pattern, %d answers came from it", along, sound)
	if along < 10_000 || sound < 5_000 {
		t.Errorf("only %d badges were like the pattern, %d answers came from it", along, sound)
	}
}
