package credentials

import (
	"maps"
	"slices"
)

// The codes of checks. They never change their meaning.
const (
	CodeOK                 = "ok"
	CodeNotReached         = "not_reached"
	CodeNothing            = "nothing_to_check"
	CodeMalformed          = "malformed"
	CodeLimit              = "limit"
	CodeAmbiguous          = "ambiguous_container"
	CodeContext            = "context_rejected"
	CodeUnsigned           = "unsigned_content"
	CodeSchema             = "schema_invalid"
	CodeNoProof            = "no_proof"
	CodeSignature          = "bad_signature"
	CodeUnsupported        = "unsupported"
	CodePurpose            = "wrong_purpose"
	CodeProofExpired       = "proof_expired"
	CodeWeakKey            = "weak_key"
	CodeKeyNotAuthorized   = "key_not_authorized"
	CodeIssuerUnresolvable = "issuer_unresolvable"
	CodeIssuerUnreachable  = "issuer_unreachable"
	CodeBlocked            = "blocked_url"
	CodeNotYetValid        = "not_yet_valid"
	CodeExpired            = "expired"
	CodeRevoked            = "revoked"
	CodeSuspended          = "suspended"
	CodeStatusSet          = "status_set"
	CodeStatusUnavailable  = "status_unavailable"
	CodeStatusStale        = "status_stale"
	CodeStatusInvalid      = "status_invalid"
	CodeStatusIssuer       = "status_issuer"
	CodeStatusRollback     = "status_rollback"
	CodeLapsedOrRenewed    = "lapsed_or_renewed"
	CodeSchemaUnknown      = "schema_unknown"
	CodeEvidenceDiffers    = "evidence_differs"
	CodeEvidenceAbsent     = "evidence_not_at_hand"
	CodeEndorsement        = "endorsement_lapsed"
	CodeEndorsementMissing = "endorsement_missing"
	CodeEndorsementUnknown = "endorsement_unknown"
	CodeIdentity           = "identity_mismatch"
	CodeHolder             = "holder_binding"
	CodeReplay             = "replay"
	CodeIssuerUntrusted    = "issuer_untrusted"
	CodeAgreementUnknown   = "agreement_unknown"
	CodeSelfAsserted       = "self_asserted"
)

var explanations = map[string]string{
	CodeOK:                 "The check holds.",
	CodeNotReached:         "An earlier check failed, so that this one had nothing sound to look at.",
	CodeNothing:            "The credential holds nothing that this check looks at, or nothing was asked.",
	CodeMalformed:          "The bytes are not a credential that every reader understands in the same way: broken or ambiguous JSON, JWT or image, or a member of the wrong form. Ask the issuer for the original file.",
	CodeLimit:              "The input is larger, deeper or more laborious than any real badge, and was not looked at further.",
	CodeAmbiguous:          "The image holds more than one credential; which one it stands for cannot be told. Ask for a file with one.",
	CodeContext:            "The credential gives its words a meaning by a JSON-LD context that is not among the pinned ones. Contexts are never fetched, since whoever serves one could change what was signed.",
	CodeUnsigned:           "The credential holds members or types that its contexts do not define, or that say nothing. The signature does not cover them; they may have been added by anybody.",
	CodeSchema:             "The credential breaks a rule of Open Badges 3.0 or the VC Data Model. The message names the member and the fix, which is the issuer's to make.",
	CodeNoProof:            "There is no signature. Anybody may have written this.",
	CodeSignature:          "The content was changed after it was signed, or was signed with another key than it names.",
	CodeUnsupported:        "The signature, the DID method or the kind of identifier is one that is not known here, so that nothing can be said about it.",
	CodePurpose:            "The signature was made for another purpose than this one, such as logging in.",
	CodeProofExpired:       "The signature itself carries an end, which is past.",
	CodeWeakKey:            "The key is malformed, or one under which anybody's signature verifies.",
	CodeKeyNotAuthorized:   "The key that signed is not one that the issuer (or holder) lists for this purpose now. Either somebody else signed, or the issuer withdrew the key.",
	CodeIssuerUnresolvable: "The issuer's identifier definitely leads to no valid DID document.",
	CodeIssuerUnreachable:  "The issuer's DID document could not be fetched now. Try again, or use a copy kept from earlier.",
	CodeBlocked:            "The credential names an address that is never fetched: not https, or inside a private network.",
	CodeNotYetValid:        "The credential becomes valid later.",
	CodeExpired:            "The credential's time is over. Ask its holder for the renewed one.",
	CodeRevoked:            "The issuer withdrew the credential for good.",
	CodeSuspended:          "The issuer suspended the credential; it may be reinstated.",
	CodeStatusSet:          "The issuer set a status of another purpose than revocation or suspension.",
	CodeStatusUnavailable:  "The status list could not be had, so that nobody can say here whether the credential was revoked. Try again online.",
	CodeStatusStale:        "The status list at hand is older than its issuer lets it be kept, and a newer one could not be had. Try again online.",
	CodeStatusInvalid:      "The status entry or the list behind it is broken, forged, too short, or serves another purpose.",
	CodeStatusIssuer:       "The status list was issued by somebody else than the credential's issuer, who is not trusted for it.",
	CodeStatusRollback:     "A newer status list was seen before than the one that is served now. Somebody may be hiding a revocation.",
	CodeLapsedOrRenewed:    "The issuer's expiry list says that this badge has lapsed or that a newer version exists. Ask its holder for that.",
	CodeSchemaUnknown:      "The credential names a schema that is not known here; the rules of Open Badges 3.0 were applied.",
	CodeEvidenceDiffers:    "A file is not the one whose digest was signed.",
	CodeEvidenceAbsent:     "The credential holds digests of files that are not at hand; show the files to have them checked.",
	CodeEndorsement:        "An endorsement within the badge is authentic but has lapsed, was withdrawn, or could not be judged. The badge itself is not touched by that.",
	CodeEndorsementMissing: "You ask for the endorsement of somebody who has not endorsed this badge, its achievement or its issuer, or whose endorsement is not in force. The badge may be genuine all the same.",
	CodeEndorsementUnknown: "There is an endorsement by whom you ask for, and whether it is in force could not be told: its signer or its status list is out of reach. Try again online.",
	CodeIdentity:           "The badge was given to somebody else than the person asked about.",
	CodeHolder:             "The presentation is not made by the subject of the credential, or does not prove who made it.",
	CodeReplay:             "The presentation answers another challenge or another verifier: it may be a recording.",
	CodeIssuerUntrusted:    "The badge is authentic, but its issuer is not among those that you trust, and no agreement or authorisation in force speaks for it. Judge by the issuer's DID, not by its name.",
	CodeAgreementUnknown:   "An agreement would recognise the badge, but whether it is in force could not be told: its status list is out of reach. Try again online.",
	CodeSelfAsserted:       "Issuer and subject are one: a person or an organisation says this about themself. That they say it is certain, and that it is so is not. Look at who endorses it, and at its evidence; it counts for nothing by itself.",
}

// Codes returns every code, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(explanations)) }

// Explain says what a code means and what to do.
func Explain(code string) (string, bool) {
	s, ok := explanations[code]
	return s, ok
}
