package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
)

// logKey is a key of the log: both halves in C2SP signed-note form. Of a key
// that was handed over the signing half is gone.
type logKey struct {
	Verifier string    `json:"verifier"`
	Signer   string    `json:"signer,omitempty"`
	Made     time.Time `json:"made,omitzero"`
}

// Format keeps the signing half out of logs and errors, whatever the verb.
func (k logKey) Format(f fmt.State, _ rune) { io.WriteString(f, k.Verifier) }

func newLogKey(origin string) (logKey, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return logKey{}, fmt.Errorf("making the log's key: %w", err)
	}
	verifier, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return logKey{}, fmt.Errorf("naming the log's key: %w", err)
	}
	return logKey{verifier, signerKey(origin, verifier, priv), now()}, nil
}

// signerKey is the signed-note form of an Ed25519 private key, of which the
// verifier's form has the name and the key hash.
func signerKey(name, verifier string, priv ed25519.PrivateKey) string {
	hash := strings.Split(strings.TrimPrefix(verifier, name), "+")[1]
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, priv.Seed()...)))
}

func (s *secrets) log() logKey { return s.Logs[len(s.Logs)-1] }

// LogVerifier gives the log's verifier key, in C2SP signed-note form.
func (r *Ring) LogVerifier() string { return r.view.Load().secret.log().Verifier }

// LogVerifiers gives every verifier key that the log has had, oldest first; the
// last is in force.
func (r *Ring) LogVerifiers() []string {
	var out []string
	for _, k := range r.view.Load().secret.Logs {
		out = append(out, k.Verifier)
	}
	return out
}

// NextLog gives the verifier key that the log's key is to be handed over to; ""
// where none was made.
func (r *Ring) NextLog() string {
	if next := r.view.Load().secret.NextLog; next != nil {
		return next.Verifier
	}
	return ""
}

// LogSignerOf gives the signer of a verifier key of the log: the one in force,
// or the one that it is being handed over to. Which of them may sign a head is
// for the log to say. A key that is not here is looked for once in the files;
// one that was handed over for good is fault.Unknown.
func (r *Ring) LogSignerOf(verifier string) (note.Signer, error) {
	for range 2 {
		s := r.view.Load().secret
		held := []logKey{s.log()}
		if s.NextLog != nil {
			held = append(held, *s.NextLog)
		}
		for _, k := range held {
			if k.Verifier == verifier {
				return note.NewSigner(k.Signer)
			}
		}
		if err := r.Look(); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unknown, "the keyring does not have the key %s of the log, or no longer: it was handed over", verifier)
}

// BeginLog makes the key that the log's key is to be handed over to, durably,
// and gives its verifier key; or the one that was made before. It signs nothing
// yet: witnesses and auditors can be told of it beforehand.
func (r *Ring) BeginLog(ctx context.Context) (verifier string, err error) {
	err = r.change(ctx, func(next *view) (part, error) {
		if waiting := next.secret.NextLog; waiting != nil {
			verifier = waiting.Verifier
			return partNone, nil
		}
		name, _, _ := strings.Cut(next.secret.log().Verifier, "+")
		k, err := newLogKey(name)
		if err != nil {
			return partNone, err
		}
		next.secret.NextLog, verifier = &k, k.Verifier
		return partRing, nil
	})
	return verifier, err
}

// FinishLog puts the key in force that BeginLog made, and destroys the signing
// half of the one before, durably. The hand-over has to be in the log by then,
// its head signed by both and kept. It does nothing where the key is in force.
func (r *Ring) FinishLog(ctx context.Context, verifier string) error {
	return r.change(ctx, func(next *view) (part, error) {
		s := &next.secret
		if s.log().Verifier == verifier {
			return partNone, nil
		}
		if s.NextLog == nil || s.NextLog.Verifier != verifier {
			return partNone, fault.New(fault.Conflict, "%s is not the key that the log's key is to be handed over to", verifier)
		}
		s.Logs[len(s.Logs)-1].Signer = ""
		s.Logs, s.NextLog = append(s.Logs, *s.NextLog), nil
		return partRing, nil
	})
}
