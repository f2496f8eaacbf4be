package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/store"
)

// How often a witness is asked at most, and how long it gets.
const (
	Every   = time.Second
	Slowest = time.Minute // between tries while it does not answer
	within  = 10 * time.Second
)

// Client is a witness as our log sees it. It is safe for concurrent use.
type Client struct {
	url      string
	key      string
	verifier note.Verifier
	http     *http.Client
}

// NewClient names a witness by its submission prefix and its verifier key.
func NewClient(prefix, key string) (*Client, error) {
	u, err := url.Parse(prefix)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is not like https://witness.example", prefix)
	}
	v, err := ledger.NewCosignatureVerifier(key)
	if err != nil {
		return nil, err
	}
	return &Client{strings.TrimSuffix(prefix, "/"), key, v, &http.Client{Timeout: within}}, nil
}

// SizeError says that a witness last saw a head of another size.
type SizeError struct{ Size int64 }

func (e SizeError) Error() string {
	return fmt.Sprintf("the witness last saw a head of %d entries", e.Size)
}

// Submit asks the witness to co-sign a checkpoint that goes on from the old
// size, and gives its signature line, verified.
func (c *Client) Submit(ctx context.Context, old int64, proof []tlog.Hash, checkpoint string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/add-checkpoint", strings.NewReader(writeSubmission(old, proof, checkpoint)))
	if err != nil {
		return "", err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking the witness: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return "", fmt.Errorf("asking the witness: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusConflict && resp.Header.Get("Content-Type") == sizeType:
		size, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
		if err != nil || size < 0 {
			return "", errors.New("the witness names a size that is none")
		}
		return "", SizeError{size}
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the witness answered %s", resp.Status)
	}
	sigs, err := ledger.Cosignatures(checkpoint+string(body), c.verifier)
	if err != nil {
		return "", err
	}
	if len(sigs) == 0 {
		return "", errors.New("the witness answered without its signature")
	}
	return sigs[0].Line, nil
}

// ErrAhead says that a witness has seen more of our log than we have: what was
// published has been lost here, or somebody else signs with our key.
var ErrAhead = errors.New("a witness has seen a larger head of this log than it has: an older copy was put back, or another runs under its key")

// Collect brings every new head to a witness, at most one each Every, and
// publishes what it signs, until ctx is done. Nothing waits for it.
func Collect(ctx context.Context, db *store.DB, c *Client, log *slog.Logger) {
	log = log.With("witness", c.verifier.Name())
	pause, said := Every, ""
	known, err := db.CosignedSize(ctx, c.key)
	for ctx.Err() == nil {
		if err == nil {
			known, err = collect(ctx, db, c, known)
		}
		if err == nil {
			pause, said = Every, ""
		} else {
			if text := err.Error(); text != said && ctx.Err() == nil {
				log.Error("a head of the log was not co-signed", "error", err)
				said = text
			}
			pause, err = min(2*pause, Slowest), nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// collect submits the newest head, unless the witness has it, and gives the
// size that the witness has seen by then.
func collect(ctx context.Context, db *store.DB, c *Client, known int64) (int64, error) {
	for range 2 { // once more from the size it names
		g, err := db.Growth(known)
		if fault.KindOf(err) == fault.Conflict {
			return 0, fmt.Errorf("%w: %w", ErrAhead, err)
		}
		if err != nil {
			return known, err
		}
		signed, err := db.CosignedSize(ctx, c.key)
		if err != nil || g.Size == 0 || signed == g.Size {
			return known, err
		}
		line, err := c.Submit(ctx, g.Old, g.Proof, g.Checkpoint)
		if size, other := errors.AsType[SizeError](err); other && size.Size != known {
			known = size.Size
			continue
		}
		if err != nil {
			return known, err
		}
		return g.Size, db.Cosigned(ctx, g, c.key, line)
	}
	return known, SizeError{known}
}
