package mirror

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// permits is a page of POST /v1/permits.
type permits struct {
	Permits []permit  `json:"permits"`
	Filling bool      `json:"filling"`
	Reset   bool      `json:"reset"`
	Next    string    `json:"next"`
	Policy  string    `json:"policy"`
	Time    time.Time `json:"time"`
}

type permit struct {
	Ref     string    `json:"ref"`
	Allowed bool      `json:"allowed"`
	Subject string    `json:"subject"`
	Expires time.Time `json:"expires_at"`
}

// question is its body.
type question struct {
	Purpose   string   `json:"purpose"`
	Data      []string `json:"data,omitempty"`
	Recipient string   `json:"recipient,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	Cursor    string   `json:"cursor,omitempty"`
	Wait      int64    `json:"wait_ms,omitempty"`
}

// door asks the company door.
type door struct {
	url, token string
	question   question
	client     http.Client
}

// patience is for how long an answer is waited for beyond what was asked for.
const patience = 20 * time.Second

// mostRead bounds an answer: a thousand permits are a few hundred kilobytes.
const mostRead = 8 << 20

func newDoor(c Config) *door {
	return &door{url: strings.TrimSuffix(c.Server, "/") + "/v1/permits", token: c.Token, question: question{Purpose: c.Purpose, Data: c.Data, Recipient: c.Recipient, Kind: c.Kind},
		client: http.Client{Timeout: wait + patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ask fetches the page behind a cursor; the door waits for a change if wanted.
func (d *door) ask(ctx context.Context, cursor string, waits bool) (page permits, err error) {
	q := d.question
	q.Cursor = cursor
	if waits {
		q.Wait = wait.Milliseconds()
	}
	body, err := json.Marshal(q)
	if err != nil {
		return page, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return page, fault.New(fault.Invalid, "--server is not like http://127.0.0.1:8081")
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(r)
	if err != nil {
		return page, fmt.Errorf("asking the company door: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, mostRead))
	if err != nil {
		return page, fmt.Errorf("asking the company door: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return page, refused(resp.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, &page); err != nil || page.Next == "" || page.Time.IsZero() {
		return permits{}, fmt.Errorf("the company door answered something that is no page of permits")
	}
	return page, nil
}

// refused is an answer that is no page: a mistake of ours, or something to be
// tried again.
func refused(status int, raw []byte) error {
	var p struct{ Detail, Field string }
	_ = json.Unmarshal(raw, &p) // what cannot be read says nothing
	words := fmt.Sprintf("the company door answered %d: %s", status, p.Detail)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.New(fault.Denied, "%s", words)
	case status == http.StatusUnprocessableEntity && p.Field == "cursor":
		return fault.New(fault.Invalid, "%s", words)
	case status == http.StatusUnprocessableEntity || status == http.StatusBadRequest || status == http.StatusNotFound:
		return fault.New(fault.Unknown, "%s %s", words, p.Field)
	}
	return fmt.Errorf("%s", words)
}
