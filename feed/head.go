package feed

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Head is where a feed stands at a time, to be signed as a note (C2SP
// signed-note). Number counts up with every head of an epoch, Rows never goes back
// from one epoch to the next; Time is the server's, of the millisecond.
type Head struct {
	Origin, Epoch string
	Number        uint64
	Time          time.Time
	Rows          uint64   // of all chains
	Sum           [32]byte // of the position
}

const headTitle = "amana/feed/head/v1"

// Sign gives the signed note of a head. Origin and epoch may hold no line break.
func (h Head) Sign(key note.Signer) ([]byte, error) { return sign(h.text(), key) }

func (h Head) text() string {
	return fmt.Sprintf("%s\n%s\n%s\n%d %d %d\n%s\n", headTitle, h.Origin, h.Epoch, h.Number, h.Time.UnixMilli(), h.Rows,
		base64.StdEncoding.EncodeToString(h.Sum[:]))
}

func sign(text string, key note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, key)
	if err != nil {
		return nil, fmt.Errorf("signing for the feed: %w", err)
	}
	return signed, nil
}

// OpenHead reads a signed head.
func OpenHead(signed []byte, key note.Verifier) (Head, error) {
	text, err := open(signed, key)
	if err != nil {
		return Head{}, err
	}
	h, sum, at := Head{}, "", int64(0)
	lines := strings.Split(text, "\n")
	if len(lines) == 6 && lines[0] == headTitle {
		h.Origin, h.Epoch, sum = lines[1], lines[2], lines[4]
		_, err = fmt.Sscanf(lines[3], "%d %d %d", &h.Number, &at, &h.Rows)
	}
	h.Time = time.UnixMilli(at).UTC()
	if raw, failed := base64.StdEncoding.DecodeString(sum); failed == nil && len(raw) == len(h.Sum) {
		h.Sum = [32]byte(raw)
	}
	if err != nil || h.text() != text { // whatever was not understood is not there
		return Head{}, malformed("a head of the feed")
	}
	return h, nil
}

func open(signed []byte, key note.Verifier) (string, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return n.Text, nil
}

// Hello is what a server says first when it is asked: its time, signed together
// with a word of whoever asks, so that it was not signed before.
type Hello struct {
	Origin, Epoch string
	Nonce         string // printable, without space
	Time          time.Time
}

const helloTitle = "amana/feed/hello/v1"

// Sign gives the signed note of a hello.
func (h Hello) Sign(key note.Signer) ([]byte, error) { return sign(h.text(), key) }

func (h Hello) text() string {
	return fmt.Sprintf("%s\n%s\n%s\n%s\n%d\n", helloTitle, h.Origin, h.Epoch, h.Nonce, h.Time.UnixMilli())
}

// OpenHello reads a signed hello.
func OpenHello(signed []byte, key note.Verifier) (Hello, error) {
	text, err := open(signed, key)
	if err != nil {
		return Hello{}, err
	}
	h, at := Hello{}, int64(0)
	lines := strings.Split(text, "\n")
	if len(lines) == 6 && lines[0] == helloTitle {
		h.Origin, h.Epoch, h.Nonce = lines[1], lines[2], lines[3]
		_, err = fmt.Sscanf(lines[4], "%d", &at)
	}
	h.Time = time.UnixMilli(at).UTC()
	if err != nil || h.text() != text {
		return Hello{}, malformed("a hello of the feed")
	}
	return h, nil
}
