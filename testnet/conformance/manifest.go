package conformance

import (
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
)

// issuer is one address at which credentials are issued in one way.
type issuer struct {
	name  string // in its address
	tags  []string
	suite string // none: a JWT in an envelope
	key   did.KeyType
	id    did.DID
	signer
}

// tagStatus makes an issuer put a status list entry into what it issues.
const tagStatus = "BitstringStatusList"

func newIssuers() ([]*issuer, error) {
	all := []*issuer{
		{name: "eddsa-rdfc-2022", suite: dataintegrity.EdDSARDFC, key: did.Ed25519, tags: []string{"eddsa-rdfc-2022", "vc2.0", "vc-api"}},
		{name: "eddsa-jcs-2022", suite: dataintegrity.EdDSAJCS, key: did.Ed25519, tags: []string{"eddsa-jcs-2022"}},
		{name: "ecdsa-rdfc-2019-p256", suite: dataintegrity.ECDSARDFC, key: did.P256, tags: []string{"ecdsa-rdfc-2019"}},
		{name: "ecdsa-rdfc-2019-p384", suite: dataintegrity.ECDSARDFC, key: did.P384, tags: []string{"ecdsa-rdfc-2019"}},
		{name: "ecdsa-jcs-2019-p256", suite: dataintegrity.ECDSAJCS, key: did.P256, tags: []string{"ecdsa-jcs-2019"}},
		{name: "ecdsa-jcs-2019-p384", suite: dataintegrity.ECDSAJCS, key: did.P384, tags: []string{"ecdsa-jcs-2019"}},
		{name: "ecdsa-sd-2023-p256", suite: dataintegrity.ECDSASD, key: did.P256, tags: []string{"ecdsa-sd-2023"}},
		{name: "ed25519-signature-2020", suite: dataintegrity.Ed2020, key: did.Ed25519, tags: []string{"Ed25519Signature2020"}},
		{name: "bitstring-status-list", suite: dataintegrity.EdDSARDFC, key: did.Ed25519, tags: []string{tagStatus}},
		{name: "enveloping-proof", key: did.P256, tags: []string{"EnvelopingProof"}},
	}
	for _, i := range all {
		var err error
		if i.id, i.signer, err = newSigner(i.key); err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
	}
	return all, nil
}

func (d *Door) listIssuer() *issuer {
	for _, i := range d.issuers {
		if i.tags[0] == tagStatus {
			return i
		}
	}
	return nil
}

// endpoint is one line of the manifest.
type endpoint struct {
	ID       string              `json:"id"`
	Endpoint string              `json:"endpoint"`
	Tags     []string            `json:"tags"`
	Supports map[string][]string `json:"supports,omitempty"`
	KeyTypes []string            `json:"supportedEcdsaKeyTypes,omitempty"`
}

// manifest is what a suite's configuration of implementations holds of the
// door.
type manifest struct {
	Name           string     `json:"name"`
	Implementation string     `json:"implementation"`
	Issuers        []endpoint `json:"issuers"`
	Verifiers      []endpoint `json:"verifiers"`
	VPVerifiers    []endpoint `json:"vpVerifiers"`
	VCHolders      []endpoint `json:"vcHolders"`
	DIDResolvers   []endpoint `json:"didResolvers"`
}

func (d *Door) manifest() manifest {
	models := map[string][]string{"vc": {"1.1", "2.0"}}
	nist := []string{string(did.P256), string(did.P384)}
	self := d.issuers[0].id.String()
	m := manifest{Name: "TRUST-ME", Implementation: "trustme conformance serve"}
	verifier := endpoint{ID: self, Endpoint: d.base + "/credentials/verify", Supports: models, KeyTypes: nist}
	for _, i := range d.issuers {
		e := endpoint{ID: i.id.String(), Endpoint: d.base + "/issuers/" + i.name + "/credentials/issue", Tags: i.tags, Supports: models}
		if i.suite != "" && strings.HasPrefix(i.suite, "ecdsa-") {
			e.KeyTypes = []string{string(i.key)}
		}
		m.Issuers = append(m.Issuers, e)
		for _, t := range i.tags {
			if len(verifier.Tags) == 0 || verifier.Tags[len(verifier.Tags)-1] != t {
				verifier.Tags = append(verifier.Tags, t)
			}
		}
	}
	m.Verifiers = []endpoint{verifier}
	m.VPVerifiers = []endpoint{{ID: self, Endpoint: d.base + "/presentations/verify", Tags: []string{"vc2.0", "EnvelopingProof", "vc-api"}, Supports: models}}
	m.VCHolders = []endpoint{{ID: self, Endpoint: d.base + "/credentials/derive", Tags: []string{"vcHolder", "ecdsa-sd-2023"}, Supports: models, KeyTypes: nist[:1]}}
	m.DIDResolvers = []endpoint{{ID: "did:key", Endpoint: d.base + "/1.0/identifiers", Tags: []string{"did-key"}}}
	return m
}
