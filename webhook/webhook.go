// Package webhook signs messages to other programs, and checks them where they
// arrive, after Standard Webhooks 1.0 (standardwebhooks.com). It imports nothing
// but the standard library, so that a receiver may import it:
//
//	keys, err := webhook.Keys(os.Getenv("AMANA_WEBHOOK_SECRET"))
//	…
//	http.HandleFunc("POST /amana", func(w http.ResponseWriter, r *http.Request) {
//		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
//		…
//		if err := keys.Verify(r.Header.Get, body, time.Now()); err != nil {
//			http.Error(w, err.Error(), http.StatusUnauthorized)
//			return
//		}
//		m, err := webhook.Read(body)
//		… // remember r.Header.Get(webhook.HeaderID): the same message may come again
//	})
package webhook

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"        // the message's: the same at each attempt
	HeaderTimestamp = "Webhook-Timestamp" // when it was sent, in Unix seconds
	HeaderSignature = "Webhook-Signature" // v1,BASE64 for each secret, separated by spaces
)

// MaxBody is what no message is longer than, in bytes.
const MaxBody = 20_000

// Kinds of event there are messages for. There will be others.
const (
	ConsentGiven     = "consent.given"
	ConsentRefused   = "consent.refused"
	ConsentWithdrawn = "consent.withdrawn"
	ConsentConfirmed = "consent.confirmed"
	ConsentPaused    = "consent.paused"
	ConsentResumed   = "consent.resumed"
	SubjectErased    = "subject.erased"
	PolicyPublished  = "policy.published"

	// Steps of what customers demand.
	RequestAsked     = "request.asked"
	RequestConfirmed = "request.confirmed"
	RequestCancelled = "request.cancelled"
	RequestDone      = "request.done"
	RequestRefused   = "request.refused"

	// Test is sent when somebody asks for it, and says nothing.
	Test = "webhook.test"
)

// Kinds gives every kind that can be asked for.
func Kinds() []string {
	return []string{ConsentGiven, ConsentRefused, ConsentWithdrawn, ConsentConfirmed, ConsentPaused, ConsentResumed, SubjectErased, PolicyPublished,
		RequestAsked, RequestConfirmed, RequestCancelled, RequestDone, RequestRefused}
}

// Known reports whether a kind can be asked for.
func Known(kind string) bool { return slices.Contains(Kinds(), kind) }

// Message is the body: what kind of thing happened, when, and ids by which the
// rest is read over the API. It holds no identifier of a person.
type Message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened, not when it was sent
	Data      Data      `json:"data"`
}

// Data is what a message is about; empty where it is about none.
type Data struct {
	// Event is the id of the event, which is that of its receipt: POST
	// /v1/receipts/get opens it.
	Event string `json:"event,omitempty"`

	// Subject is the same for all messages about one subject to one webhook, and
	// is told to nobody else: another webhook has another.
	Subject string `json:"subject,omitempty"`

	// Sequence counts the events of a subject: of two messages about one the
	// larger is the later, however they arrive.
	Sequence int64 `json:"sequence,omitempty"`

	Purpose string `json:"purpose,omitempty"` // the purpose it is about
	Policy  string `json:"policy,omitempty"`  // the version that was published
}

// stamp is how times are written: UTC, to the millisecond.
const stamp = "2006-01-02T15:04:05.000Z"

// Write gives the bytes of a message, the same for the same message.
func Write(m Message) []byte {
	raw, err := json.Marshal(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      Data   `json:"data"`
	}{m.Type, m.Timestamp.UTC().Format(stamp), m.Data})
	if err != nil {
		panic("webhook: " + err.Error()) // texts and a number
	}
	return raw
}

// Read reads a message. Members it does not know are passed over: there will be
// others.
func Read(body []byte) (Message, error) {
	var m Message
	if len(body) > MaxBody {
		return m, fmt.Errorf("a message has at most %d bytes", MaxBody)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{}, fmt.Errorf("reading a message: %w", err)
	}
	if m.Type == "" {
		return Message{}, fmt.Errorf("reading a message: it has no type")
	}
	return m, nil
}
