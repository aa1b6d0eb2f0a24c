package exchange

import (
	"github.com/trust-me/trustme/internal/didcomm"
)

// LearningAgreement returns the message that carries a learning agreement with
// the countersignatures that its sender has. Receivers keep the union.
func LearningAgreement(id string, bundle []byte) didcomm.Message {
	return didcomm.Message{ID: didcomm.NewID(), Type: TypeLearning, Thid: id, ReturnRoute: "all", Body: didcomm.Object(struct{}{}),
		Attachments: []didcomm.Attachment{didcomm.Attach("agreement-0", MediaJSON, FormatBundle, bundle)}}
}

// ReadLearningAgreement returns the bundle of a message.
func ReadLearningAgreement(m didcomm.Message) ([]byte, error) { return attachment(m, FormatBundle) }

// Transcript returns the message that hands a transcript over. The same one is
// handed over once.
func Transcript(id string, credential []byte) didcomm.Message {
	return didcomm.Message{ID: "transcript-" + id, Type: TypeTranscript, Thid: id, Body: didcomm.Object(struct{}{}),
		Attachments: []didcomm.Attachment{didcomm.Attach("credential-0", MediaCredential, FormatCredential, credential)}}
}

// ReadTranscript returns the transcript of a message.
func ReadTranscript(m didcomm.Message) ([]byte, error) { return attachment(m, FormatCredential) }
