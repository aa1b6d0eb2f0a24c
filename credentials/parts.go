package credentials

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// recipient answers whether the badge was given to the e-mail address asked
// about (Open Badges 3.0, recipient verification).
func (j *judgement) recipient() Check {
	if j.o.Email == "" {
		return nothing(CheckRecipient, "not asked about a person")
	}
	for id := range j.c.subject().Get("identifier").Elements() {
		if text(id.Get("identityType")) != "emailAddress" {
			continue
		}
		hash, salt := text(id.Get("identityHash")), text(id.Get("salt"))
		hashed, _ := id.Get("hashed").Bool()
		for _, email := range []string{j.o.Email, strings.ToLower(j.o.Email)} {
			if hashed && (Subject{Email: email, Salt: salt}).MatchesEmail(hash) || !hashed && strings.EqualFold(hash, email) {
				return Check{Name: CheckRecipient, Answer: Yes, Code: CodeOK, Message: "given to the person asked about", Pointer: id.Pointer()}
			}
		}
	}
	return Check{Name: CheckRecipient, Answer: No, Code: CodeIdentity, Message: "no identifier of the subject is that of the person asked about"}
}

// schemaIDs are the official schemas whose rules [Lint] holds a badge to.
var schemaIDs = []string{
	"https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json",
	"https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_endorsementcredential_schema.json",
	"https://purl.imsglobal.org/spec/ob/v3p0/schema/json-ld/ob_v3p0_achievementcredential_schema.json",
	"https://purl.imsglobal.org/spec/ob/v3p0/schema/json-ld/ob_v3p0_endorsementcredential_schema.json",
	"https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_anyachievementcredential_schema.json",
}

func (j *judgement) schema() Check {
	v := j.c.doc.Get("credentialSchema")
	if !v.Exists() {
		return nothing(CheckSchema, "it names no schema; the rules of Open Badges 3.0 were applied")
	}
	for e := range v.Elements() {
		known := false
		for _, id := range schemaIDs {
			known = known || text(e.Get("id")) == id
		}
		if !known {
			return Check{Name: CheckSchema, Answer: Unknown, Code: CodeSchemaUnknown, Advisory: true, Pointer: e.Pointer(), URL: text(e.Get("id")),
				Message: "it names a schema that is not known here and is not fetched"}
		}
	}
	return Check{Name: CheckSchema, Answer: Yes, Code: CodeOK, Message: "it keeps the rules of the schema it names"}
}

// evidence compares the digests of related resources (VC Data Model 2.0 §5.3)
// with the files that the caller gave and with the pinned contexts.
func (j *judgement) evidence() Check {
	v := j.c.doc.Get("relatedResource")
	if !v.Exists() {
		return nothing(CheckEvidence, "it holds no digests of files")
	}
	checked, absent := 0, 0
	for e := range v.Elements() {
		id := text(e.Get("id"))
		sums, ok := sumsOf(id, j.o.Resources)
		if !ok {
			absent++
			continue
		}
		same, err := digestMatches(e, sums)
		if err != nil || !same {
			m := fmt.Sprintf("%s: the digest differs", id)
			if n := j.evidenceNumber(id); n > 0 {
				m = fmt.Sprintf("evidence %d: digest differs", n)
			}
			if err != nil {
				m = fmt.Sprintf("%s: %v", id, err)
			}
			return Check{Name: CheckEvidence, Answer: No, Code: CodeEvidenceDiffers, Message: m, Pointer: e.Pointer()}
		}
		checked++
	}
	if absent > 0 {
		return Check{Name: CheckEvidence, Answer: NotApplicable, Code: CodeEvidenceAbsent, Message: fmt.Sprintf("%d files match; %d are not at hand", checked, absent)}
	}
	return Check{Name: CheckEvidence, Answer: Yes, Code: CodeOK, Message: fmt.Sprintf("%d files match their digests", checked)}
}

// evidenceNumber returns which item of evidence has an id, from 1; 0 for none.
func (j *judgement) evidenceNumber(id string) int {
	n := 0
	for e := range j.c.doc.Get("evidence").Elements() {
		if n++; e.ID() == id {
			return n
		}
	}
	return 0
}

// sumsOf returns the digests of a resource by algorithm: of the file that the
// caller gave, or of a pinned context as it is published.
func sumsOf(id string, files map[string][]byte) (map[string][]byte, bool) {
	if data, ok := files[id]; ok {
		h256, h384, h512 := sha256.Sum256(data), sha512.Sum384(data), sha512.Sum512(data)
		return map[string][]byte{"sha256": h256[:], "sha384": h384[:], "sha512": h512[:]}, true
	}
	if digest, ok := jsonld.Digests()[id]; ok {
		short, err := hex.DecodeString(digest)
		sums := map[string][]byte{"sha256": short}
		if long, ok := jsonld.PublishedSHA384(id); ok && err == nil {
			sums["sha384"], err = hex.DecodeString(long)
		}
		return sums, err == nil
	}
	return nil, false
}

// multihashes are the prefixes of digestMultibase that are understood.
var multihashes = map[string][]byte{"sha256": {0x12, 32}, "sha384": {0x20, 48}, "sha512": {0x13, 64}}

// bare are the lengths of digests that stand in digestMultibase without the
// prefix of a multihash, as the suite of the W3C writes them.
var bare = map[int]string{32: "sha256", 48: "sha384", 64: "sha512"}

// digestMatches compares digestMultibase (a multihash) and digestSRI with the
// digests of a file; at least one must be there. What cannot be compared is an
// error.
func digestMatches(e jsondoc.Value, sums map[string][]byte) (bool, error) {
	seen := 0
	compare := func(alg string, got []byte) (bool, error) {
		if sums[alg] == nil {
			return false, fmt.Errorf("a %s digest cannot be compared here", alg)
		}
		seen++
		return bytes.Equal(got, sums[alg]), nil
	}
	if mb := text(e.Get("digestMultibase")); mb != "" {
		_, b, err := multibase.Decode(mb)
		if err != nil {
			return false, fmt.Errorf("digestMultibase: %v", err)
		}
		alg := bare[len(b)]
		for name, prefix := range multihashes {
			if bytes.HasPrefix(b, prefix) && len(b) == 2+int(prefix[1]) {
				alg, b = name, b[2:]
			}
		}
		if alg == "" {
			return false, errors.New("digestMultibase is no SHA-2 multihash")
		}
		if same, err := compare(alg, b); err != nil || !same {
			return false, err
		}
	}
	for _, sri := range strings.Fields(text(e.Get("digestSRI"))) {
		alg, b64, _ := strings.Cut(sri, "-")
		b, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			return false, fmt.Errorf("digestSRI %q is not understood", jsondoc.Clip(sri))
		}
		if same, err := compare(alg, b); err != nil || !same {
			return false, err
		}
	}
	if seen == 0 {
		return false, errors.New("neither digestMultibase nor digestSRI")
	}
	return true, nil
}
