// Package credentials is the Open Badges 3.0 engine: it builds, lints and
// signs badges, and verifies any that comes in as JSON, JWT, PNG or SVG. A
// verification answers each question with yes, no or could-not-tell, and
// nothing turns the third into the first. Nothing is fetched but the issuer's
// DID document and the status list, both through the caller's own sources.
//
// A badge goes from [Build] through [Issue] to bytes; [Verifier.Report] says
// what of them is true. The packages below do one part each, on what [Parse]
// has read: [Credential.Doc].
package credentials
