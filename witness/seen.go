package witness

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// Seen asks the witness for the newest head it has seen of a log, and gives the
// note with its co-signature, which is verified; the log's own signature is for
// the caller. A witness that does not watch the log, or has seen none of it, is
// fault.Unknown.
func (c *Client) Seen(ctx context.Context, origin string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/"+hashOf(origin)+"/checkpoint", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking the witness: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return "", fmt.Errorf("asking the witness: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return "", fault.New(fault.Unknown, "the witness %s has seen nothing of the log %s", c.verifier.Name(), origin)
	default:
		return "", fmt.Errorf("the witness answered %s", resp.Status)
	}
	signed := string(body)
	head, _, err := ledger.ReadHead(signed)
	if err != nil {
		return "", fmt.Errorf("the witness answered: %w", err)
	}
	if sigs, err := ledger.Cosignatures(signed, c.verifier); err != nil || len(sigs) == 0 || head.Origin != origin {
		return "", fmt.Errorf("the witness %s answers with a head that it has not signed", c.verifier.Name())
	}
	return signed, nil
}
