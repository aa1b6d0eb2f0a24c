// Package exchange is what two parties say to each other: inviting, offering
// and issuing a badge, asking for and giving a presentation. Each protocol is
// a small state machine whose state and messages change in one transaction.
// How messages travel is one folder down, in internal/didcomm.
package exchange

// Message types. Versions are those of the published protocols.
const (
	TypeInvitation = "https://didcomm.org/out-of-band/2.0/invitation"

	TypePing         = "https://didcomm.org/trust-ping/2.0/ping"
	TypePingResponse = "https://didcomm.org/trust-ping/2.0/ping-response"

	TypeQueries  = "https://didcomm.org/discover-features/2.0/queries"
	TypeDisclose = "https://didcomm.org/discover-features/2.0/disclose"

	TypeStatusRequest    = "https://didcomm.org/messagepickup/3.0/status-request"
	TypeStatus           = "https://didcomm.org/messagepickup/3.0/status"
	TypeDeliveryRequest  = "https://didcomm.org/messagepickup/3.0/delivery-request"
	TypeDelivery         = "https://didcomm.org/messagepickup/3.0/delivery"
	TypeMessagesReceived = "https://didcomm.org/messagepickup/3.0/messages-received"
	TypeLiveDelivery     = "https://didcomm.org/messagepickup/3.0/live-delivery-change"

	TypeOffer    = "https://didcomm.org/issue-credential/3.0/offer-credential"
	TypeRequest  = "https://didcomm.org/issue-credential/3.0/request-credential"
	TypeIssue    = "https://didcomm.org/issue-credential/3.0/issue-credential"
	TypeIssueAck = "https://didcomm.org/issue-credential/3.0/ack"

	TypePresentationRequest = "https://didcomm.org/present-proof/3.0/request-presentation"
	TypePresentation        = "https://didcomm.org/present-proof/3.0/presentation"
	TypePresentationAck     = "https://didcomm.org/present-proof/3.0/ack"

	TypeEndorseRequest = "https://w3id.org/trust-me/endorse/1.0/request"
	TypeEndorsement    = "https://w3id.org/trust-me/endorse/1.0/endorsement"
	TypeEndorseDecline = "https://w3id.org/trust-me/endorse/1.0/decline"

	TypeLearning   = "https://w3id.org/trust-me/learning/1.0/agreement"
	TypeTranscript = "https://w3id.org/trust-me/learning/1.0/transcript"

	TypeRenew = "https://w3id.org/trust-me/renew/1.0/request"

	TypeStanding = "https://w3id.org/trust-me/standing/1.0/changed"
)

// protocols are what discover-features discloses.
var protocols = []string{
	"https://didcomm.org/out-of-band/2.0",
	"https://didcomm.org/trust-ping/2.0",
	"https://didcomm.org/discover-features/2.0",
	"https://didcomm.org/messagepickup/3.0",
	"https://didcomm.org/issue-credential/3.0",
	"https://didcomm.org/present-proof/3.0",
	"https://didcomm.org/report-problem/2.0",
	"https://w3id.org/trust-me/apply/1.0",
	"https://w3id.org/trust-me/endorse/1.0",
	"https://w3id.org/trust-me/learning/1.0",
	"https://w3id.org/trust-me/renew/1.0",
	"https://w3id.org/trust-me/standing/1.0",
}

// Attachment formats and media types.
const (
	MediaCredential   = "application/vc"
	MediaPresentation = "application/vp"
	MediaJSON         = "application/json"

	FormatOffer       = "trustme/badge-offer@1.0"
	FormatHolderProof = "trustme/holder-proof@1.0"
	FormatCredential  = "trustme/open-badge@3.0"
	FormatBundle      = "trustme/agreement-bundle@1.0"
	QueryRequirement  = "TrustmeRequirement"
	FormatVPR         = "w3c-ccg/verifiable-presentation-request@0.2"
	FormatVP          = "w3c/verifiable-presentation@2.0"
)

// Problem codes (DIDComm Messaging v2 §Problem Codes).
const (
	CodeNotConnected = "e.p.trust.not-connected"
	CodeInvitation   = "e.p.invitation"
	CodeUnsupported  = "e.p.msg.unsupported"
	CodeMessage      = "e.p.msg.malformed"
	CodeState        = "e.p.state"
	CodeHolder       = "e.p.trust.holder"
	CodeCredential   = "e.p.credential.refused"
	CodeProof        = "e.p.presentation.refused"
	CodeDeclined     = "e.p.req.declined"
	CodeRefused      = "e.p.apply.refused"
)
