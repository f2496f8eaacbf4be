package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Security is how a connection to a mail server is kept from being read.
type Security string

// The ways.
const (
	StartTLS Security = "starttls" // the default: port 587
	TLS      Security = "tls"      // from the first byte: port 465
	Plain    Security = "none"     // a server on this machine
)

// Server is a company's mail server.
type Server struct {
	Address        string // host:port
	Security       Security
	User, Password string      // "" = it asks for none
	TLS            *tls.Config // nil: what the machine trusts
}

// LogValue keeps the password out of logs.
func (s Server) LogValue() slog.Value { return slog.StringValue(s.Address) }

// connection is one to a server, opened with the first mail.
type connection struct {
	server Server
	client *smtp.Client
}

// failure is why a mail was not taken.
type failure struct {
	permanent bool   // it never will be
	gone      bool   // because there is no such address
	words     string // for the log: no address, and nothing that the server wrote, for it repeats addresses
}

// Dial opens a connection, and proves who we are. The caller closes it.
func (s Server) Dial(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, fmt.Errorf("the address of the mail server: %w", err)
	}
	conn, err := (&net.Dialer{Timeout: 20 * time.Second}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, fmt.Errorf("reaching the mail server: %w", err)
	}
	secure := &tls.Config{}
	if s.TLS != nil {
		secure = s.TLS.Clone()
	}
	if secure.ServerName == "" {
		secure.ServerName = host
	}
	var c *smtp.Client
	switch s.Security {
	case Plain:
		c = smtp.NewClient(conn)
	case TLS:
		c = smtp.NewClient(tls.Client(conn, secure))
	default:
		if c, err = smtp.NewClientStartTLS(conn, secure); err != nil {
			return nil, errors.Join(fmt.Errorf("securing the connection to the mail server: %w", coded(err)), ignoreClosed(conn.Close()))
		}
	}
	c.CommandTimeout, c.SubmissionTimeout = time.Minute, 2*time.Minute
	if s.Security != StartTLS && s.Security != "" {
		err = c.Hello("localhost")
	}
	if err == nil && s.User != "" {
		err = c.Auth(sasl.NewPlainClient("", s.User, s.Password))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("signing in at the mail server: %w", coded(err)), ignoreClosed(c.Close()))
	}
	return c, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// coded leaves of what a mail server answered its codes alone.
func coded(err error) error {
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return fmt.Errorf("it answered %d %d.%d.%d", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
	}
	return err
}

// send hands a mail over. nil says that the server took it.
func (c *connection) send(ctx context.Context, from, to string, utf8 bool, msg []byte) *failure {
	if c.client == nil {
		client, err := c.server.Dial(ctx)
		if err != nil {
			return &failure{words: err.Error()}
		}
		c.client = client
	}
	f := c.hand(from, to, utf8, msg)
	if f != nil && c.client.Reset() != nil {
		c.drop()
	}
	return f
}

func (c *connection) hand(from, to string, utf8 bool, msg []byte) *failure {
	if ok, _ := c.client.Extension("SMTPUTF8"); utf8 && !ok {
		return &failure{permanent: true, words: "the mail server takes no addresses beyond ASCII (SMTPUTF8)"}
	}
	if err := c.client.Mail(from, &smtp.MailOptions{UTF8: utf8, Size: int64(len(msg)), Return: smtp.DSNReturnHeaders}); err != nil {
		return &failure{words: "from: " + coded(err).Error()} // it is our address that is wrong: that can be mended
	}
	if err := c.client.Rcpt(to, &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyFailure}}); err != nil {
		e, ok := errors.AsType[*smtp.SMTPError](err)
		return &failure{permanent: ok && e.Code/100 == 5, gone: ok && gone(e.Code, e.EnhancedCode), words: "to: " + coded(err).Error()}
	}
	w, err := c.client.Data()
	if err == nil {
		_, err = bytes.NewReader(msg).WriteTo(w)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		e, ok := errors.AsType[*smtp.SMTPError](err)
		return &failure{permanent: ok && e.Code/100 == 5, words: "text: " + coded(err).Error()}
	}
	return nil
}

// gone reports whether a code says that there is no such address (RFC 3463:
// X.1.x is about the address, X.2.1 says that the mailbox is closed).
func gone(code int, e smtp.EnhancedCode) bool {
	if e[0] <= 0 { // an old server
		return slices.Contains([]int{550, 551, 553}, code)
	}
	return e[0] == 5 && (e[1] == 1 && slices.Contains([]int{1, 2, 3, 6, 10}, e[2]) || e[1] == 2 && e[2] == 1)
}

func (c *connection) drop() {
	c.client.Close() // it is of no use any more, whatever it says
	c.client = nil
}

func (c *connection) quit() {
	if c.client != nil {
		c.client.Quit() // what was handed over is so already
		c.drop()
	}
}
