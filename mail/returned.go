package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/amana-privacy/amana/fault"
)

// What cannot be delivered comes back as a report (RFC 3464) to the return
// address, which says of which mail it is. The company's mail server puts what
// arrives there into a Maildir, which is the one form that every server can write,
// every fetcher too, and several readers can share without a lock.

// largestReport is how much of a report is read, in bytes.
const largestReport = 1 << 20

// readReturned takes up what arrived in the Maildir. Reports of ours are deleted;
// everything else is moved to where people look.
func (e *Engine) readReturned(ctx context.Context) error {
	if e.Maildir == "" {
		return nil
	}
	root, err := os.OpenRoot(e.Maildir)
	if err != nil {
		return fmt.Errorf("opening the folder of what came back: %w", err)
	}
	defer root.Close()
	arrived, err := fs.ReadDir(root.FS(), "new")
	if err != nil {
		return fmt.Errorf("reading the folder of what came back: %w", err)
	}
	for _, f := range arrived {
		if err := e.readOne(ctx, root, f.Name()); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// readOne takes up one mail. Whoever renames it first has it: another server
// finds it gone.
func (e *Engine) readOne(ctx context.Context, root *os.Root, name string) error {
	taken := filepath.Join("cur", strings.SplitN(name, ":", 2)[0]+":2,")
	if err := root.Rename(filepath.Join("new", name), taken); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("taking up what came back: %w", err)
	}
	f, err := root.Open(taken)
	if err != nil {
		return fmt.Errorf("taking up what came back: %w", err)
	}
	defer f.Close()
	r, err := readReport(io.LimitReader(f, largestReport))
	if err != nil {
		e.Log.InfoContext(ctx, "a mail that is no report of ours came back; it is left for people", "why", err)
		return nil
	}
	if r.failed {
		if err := e.Store.Bounced(ctx, r.returned, r.gone); fault.KindOf(err) == fault.Unknown {
			return nil // a forged one, or of another installation: people may look at it
		} else if err != nil {
			return errors.Join(err, root.Rename(taken, filepath.Join("new", name)))
		}
	}
	return root.Remove(taken)
}

// report is what a delivery status notification says.
type report struct {
	returned string // what its return address held
	failed   bool   // for good
	gone     bool   // because there is no such address
}

var errNoReport = errors.New("not a report about a delivery")

// readReport reads a notification (RFC 3464, in a multipart/report of RFC 6522).
func readReport(r io.Reader) (report, error) {
	msg, err := mail.ReadMessage(bufio.NewReader(r))
	if err != nil {
		return report{}, errNoReport
	}
	out := report{returned: returnedTo(msg.Header)}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") || out.returned == "" {
		return report{}, errNoReport
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return report{}, errNoReport // it ended without a status
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); slices.Contains([]string{"message/delivery-status", "message/global-delivery-status"}, kind) {
			return out, out.status(part)
		}
	}
}

// returnedTo gives what the return address held that a report was sent to: the
// part behind the +. Servers name it in one of these fields.
func returnedTo(h mail.Header) string {
	for _, field := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "To"} {
		for _, v := range h[field] {
			list, err := mail.ParseAddressList(v)
			if err != nil {
				list = []*mail.Address{{Address: strings.Trim(strings.TrimSpace(v), "<>")}}
			}
			for _, a := range list {
				local, _, _ := strings.Cut(a.Address, "@")
				if i := strings.LastIndexByte(local, '+'); i >= 0 {
					return local[i+1:]
				}
			}
		}
	}
	return ""
}

// status reads the groups of fields of a notification: first one about the mail,
// then one about each recipient. We send each mail to one.
func (r *report) status(part io.Reader) error {
	fields := textproto.NewReader(bufio.NewReader(part))
	for range 10 {
		group, err := fields.ReadMIMEHeader()
		if action := group.Get("Action"); action != "" {
			var e smtp.EnhancedCode
			fmt.Sscanf(group.Get("Status"), "%d.%d.%d", &e[0], &e[1], &e[2]) // what is none stays 0.0.0
			r.failed = strings.EqualFold(strings.TrimSpace(action), "failed") && e[0] == 5
			r.gone = r.failed && gone(0, e)
			return nil
		}
		if err != nil {
			return errNoReport
		}
	}
	return errNoReport
}
