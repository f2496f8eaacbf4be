// Package mailtest is a mail server for tests: it takes mails over SMTP as a real
// one does, and gives them to the test, read by another library than wrote them.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Received is a mail as it arrived.
type Received struct {
	From, To string // of the envelope
	UTF8     bool   // SMTPUTF8 was asked for
	Raw      []byte
	Header   mail.Header
	Subject  string // decoded
	Text     string // the plain part, with \n alone
	HTML     string
}

// Server is a mail server on this machine. It is safe for concurrent use.
type Server struct {
	Address string
	mails   chan Received

	mu     sync.Mutex
	refuse func(from, to string) error // at RCPT
	late   func() error                // at the end of DATA, after the mail was taken
}

// Option changes the server before it starts.
type Option func(*smtp.Server)

// ASCII makes a server that takes no addresses beyond ASCII.
func ASCII(s *smtp.Server) { s.EnableSMTPUTF8 = false }

// Secured makes a server that speaks STARTTLS, and takes mails of one user alone.
func Secured(cert tls.Certificate) Option {
	return func(s *smtp.Server) {
		s.TLSConfig, s.AllowInsecureAuth = &tls.Config{Certificates: []tls.Certificate{cert}}, false
	}
}

// User and Password are those that a secured server takes.
const User, Password = "amana", "correct horse battery staple"

// Start starts a server, which stops with the test.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: l.Addr().String(), mails: make(chan Received, 1000)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, c: c}, nil }))
	server.Domain, server.EnableSMTPUTF8, server.EnableDSN = "mail.test", true, true
	for _, o := range options {
		o(server)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// Refuse lets the server answer a recipient with an error; nil takes all. An
// *smtp.SMTPError is sent as it is.
func (s *Server) Refuse(f func(from, to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// Late lets the server take a mail and then answer with an error.
func (s *Server) Late(f func() error) { s.mu.Lock(); defer s.mu.Unlock(); s.late = f }

// Next gives the next mail, and waits for it.
func (s *Server) Next(t testing.TB) Received {
	t.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(time.Minute):
		t.Fatal("no mail arrived")
		return Received{}
	}
}

// None fails where a mail is there.
func (s *Server) None(t testing.TB) {
	t.Helper()
	select {
	case m := <-s.mails:
		t.Errorf("a mail arrived: %s", m.Subject)
	default:
	}
}

type session struct {
	s    *Server
	c    *smtp.Conn
	mail Received
	in   bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.in = user == User && password == Password; !s.in {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if s.c.Server().TLSConfig != nil && !s.in {
		return smtp.ErrAuthRequired
	}
	s.mail = Received{From: from, UTF8: o.UTF8}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.s.mu.Lock()
	refuse := s.s.refuse
	s.s.mu.Unlock()
	if refuse != nil {
		if err := refuse(s.mail.From, to); err != nil {
			return err
		}
	}
	s.mail.To = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := s.mail
	m.Raw = raw
	if err := m.read(); err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	s.s.mails <- m
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.late != nil {
		return s.s.late()
	}
	return nil
}

func (s *session) Reset()        { s.mail = Received{} }
func (s *session) Logout() error { return nil }

// read takes a mail apart with the standard library.
func (m *Received) read() error {
	msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return err
	}
	m.Header = msg.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	for parts := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var r io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, p)
		case "quoted-printable":
			r = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			m.HTML = string(text)
		} else {
			m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}
