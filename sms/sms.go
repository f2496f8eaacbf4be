// Package sms sends text messages through a company's gateway: any service that
// takes an HTTP request, described in server.yaml and not in code.
//
// A message is a way in that lasts minutes. It waits in memory, bounded, and is
// lost with the process: whoever waited in vain asks again.
package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Gateway says how a message is handed over. {to} (E.164, with its plus) and
// {text} stand in URL and Body for what differs; they are escaped for where
// they stand. ${NAME} in a header is a variable of the environment, so that no
// secret has to stand in the file.
type Gateway struct {
	URL     string            // https, or http on this machine
	Method  string            // POST if ""
	Headers map[string]string // Content-Type says how Body is escaped: JSON, or a form
	Body    string
}

// Bounds.
const (
	waiting = 1000             // messages; more are dropped
	within  = 10 * time.Second // of one try
	tries   = 3
)

// Sender sends messages. Make one with New, and let it Run.
type Sender struct {
	gateway Gateway
	headers http.Header
	client  *http.Client
	log     *slog.Logger
	queue   chan message
	pause   time.Duration // before the second try
}

type message struct{ to, text string }

// New checks a gateway: its error names the key at fault.
func New(g Gateway, log *slog.Logger) (*Sender, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	s := &Sender{gateway: g, headers: http.Header{}, log: log, queue: make(chan message, waiting), pause: time.Second}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for k, v := range g.Headers {
		missing := ""
		value := os.Expand(v, func(name string) string {
			if os.Getenv(name) == "" {
				missing = name
			}
			return os.Getenv(name)
		})
		if missing != "" {
			return nil, fmt.Errorf("sms.headers: %s: the environment has no %s", k, missing)
		}
		s.headers.Set(k, value)
	}
	s.client = &http.Client{Timeout: within, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// check holds a gateway to what cannot be turned against anybody: what a
// customer types decides neither the machine that is asked nor the path to it.
func (g Gateway) check() error {
	u, err := url.Parse(g.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("sms.url: is not like https://gateway.example/messages")
	}
	local := u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return errors.New("sms.url: codes travel by https, or to this machine")
	}
	if strings.Contains(u.Host+u.Path, "{") {
		return errors.New("sms.url: {to} and {text} stand behind the question mark, or in the body")
	}
	if !strings.Contains(g.URL+g.Body, "{to}") || !strings.Contains(g.URL+g.Body, "{text}") {
		return errors.New("sms.body: {to} and {text} have to stand in it")
	}
	switch g.method() {
	case http.MethodPost, http.MethodPut, http.MethodGet:
	default:
		return errors.New("sms.method: is POST, PUT or GET")
	}
	if g.Body != "" && !g.form() && !json.Valid([]byte(g.fill(g.Body, message{"+1", "a"}, jsonText))) {
		return errors.New("sms.body: is no JSON once {to} and {text} are filled in, and Content-Type says no form")
	}
	return nil
}

func (g Gateway) method() string {
	if g.Method == "" {
		return http.MethodPost
	}
	return strings.ToUpper(g.Method)
}

func (g Gateway) form() bool {
	for k, v := range g.Headers {
		if strings.EqualFold(k, "Content-Type") {
			return strings.HasPrefix(strings.ToLower(v), "application/x-www-form-urlencoded")
		}
	}
	return false
}

func (g Gateway) fill(template string, m message, escape func(string) string) string {
	return strings.NewReplacer("{to}", escape(m.to), "{text}", escape(m.text)).Replace(template)
}

// jsonText is a text as it stands between quotation marks.
func jsonText(s string) string {
	raw, _ := json.Marshal(s) // a text always marshals
	return string(raw[1 : len(raw)-1])
}

// Send puts a message into the queue and never waits; false where the queue is
// full. to is a number in E.164.
func (s *Sender) Send(to, text string) bool {
	select {
	case s.queue <- message{to, text}:
		return true
	default:
		return false
	}
}

// Run sends until ctx is done, and returns when what is under way is.
func (s *Sender) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case m := <-s.queue:
					s.deliver(ctx, m)
				}
			}
		})
	}
	wg.Wait()
}

// deliver tries a few times. The log has neither number nor text.
func (s *Sender) deliver(ctx context.Context, m message) {
	var err error
	for try := range tries {
		var again bool
		if again, err = s.try(ctx, m); err == nil {
			return
		}
		if !again || try == tries-1 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.pause << (2 * try)):
			continue
		}
		break
	}
	s.log.ErrorContext(ctx, "a text message was not taken", "error", err)
}

// try hands a message over once; again says whether another try may help. Its
// error does not hold what was sent.
func (s *Sender) try(ctx context.Context, m message) (again bool, err error) {
	escape := jsonText
	if s.gateway.form() {
		escape = url.QueryEscape
	}
	r, err := http.NewRequestWithContext(ctx, s.gateway.method(), s.gateway.fill(s.gateway.URL, m, url.QueryEscape),
		bytes.NewReader([]byte(s.gateway.fill(s.gateway.Body, m, escape))))
	if err != nil {
		return false, errors.New("the request cannot be made")
	}
	for k, v := range s.headers {
		r.Header[k] = v
	}
	if r.Header.Get("Content-Type") == "" && s.gateway.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return true, errors.New("the gateway does not answer") // url.Error holds the address, and so the number
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	return resp.StatusCode/100 == 5 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("the gateway answers %d", resp.StatusCode)
}
