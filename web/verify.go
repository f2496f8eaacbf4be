package web

import (
	"errors"
	"io"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

type verifyPage struct {
	base
	Key     string // ours today
	Pinned  string // what the reader entered
	Problem string // with what was entered
	Verdict *verdictView
	Mail    mailView
}

// verdictView is a verdict in words.
type verdictView struct {
	Good bool // nothing in it is broken
	receipt.Explanation
	Signer string
	Slip   *slipView
}

func (s *site) verify(v *visit) error {
	return v.show(200, never, "verify", s.verifyPage(v))
}

func (s *site) verifyPage(v *visit) verifyPage {
	return verifyPage{base: v.at(v.ed, "/verify", v.T("verify.title")), Key: s.Store.LogKey()}
}

// verifyFile checks an uploaded receipt. The file is read into memory once and
// never stored or logged.
func (s *site) verifyFile(v *visit) error {
	file, key, err := upload(v)
	if err != nil {
		return err
	}
	page := s.verifyPage(v)
	page.Pinned = key
	if len(file) == 0 {
		page.Problem = v.T("verify.no_file")
		return v.show(422, never, "verify", page)
	}
	verdict, err := receipt.Verify(file, key, s.Store.Signers()...)
	if fault.KindOf(err) == fault.Malformed {
		page.Problem = v.T("verify.bad_key", "example", "name+0a1b2c3d+AbCd…")
		return v.show(422, never, "verify", page)
	}
	if err != nil {
		return err
	}
	page.Verdict = v.verdict(verdict, s.Store.LogKey(), s.Store.Signers())
	return v.show(200, never, "verify", page)
}

// upload reads the form part by part, so that nothing goes to a file.
func upload(v *visit) (file []byte, key string, err error) {
	parts, err := v.MultipartReader()
	if err != nil {
		return nil, "", &fault.Error{Kind: fault.Malformed, Words: "the form is not multipart", Err: err}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return file, key, nil
		}
		if err != nil {
			return nil, "", tooLargeOr(err, fault.Malformed)
		}
		body, err := whole(part)
		switch {
		case err != nil:
			return nil, "", err
		case part.FormName() == "receipt":
			file = body
		case part.FormName() == "key":
			key = strings.TrimSpace(string(body))
		}
	}
}

func whole(part *multipart.Part) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(part, receipt.MaxSize+1))
	if err != nil {
		return nil, tooLargeOr(err, fault.Malformed)
	}
	if len(body) > receipt.MaxSize {
		return nil, fault.New(fault.TooLarge, "the file is too large")
	}
	return body, nil
}

// verdict puts a verdict into words. Ours is the key that signs today, and those
// before it.
func (f *face) verdict(r receipt.Verdict, ours string, before []receipt.Signer) *verdictView {
	v := &verdictView{Good: r.Outcome != receipt.Broken, Explanation: r.Explain(f.Words), Signer: r.Signer}
	switch {
	case r.Outcome == receipt.Pending: // nobody signed it, so nothing of it is shown as if somebody had
		v.Signer = ""
		return v
	case r.Outcome == receipt.Unidentified && r.Signer == ours:
		v.Proved = append(v.Proved, f.T("verify.is.ours"))
	case r.Outcome == receipt.Unidentified && slices.ContainsFunc(before, func(s receipt.Signer) bool { return s.Key == r.Signer }):
		v.Proved = append(v.Proved, f.T("verify.is.ours.before"))
	case r.Outcome == receipt.Unidentified:
		v.Good, v.Explanation = false, receipt.Explanation{Title: f.T("verify.foreign"), Unproved: []string{f.T("verify.foreign.text")}}
	}
	if v.Good {
		slip := f.slipOf(*r.Receipt)
		v.Slip = &slip
	}
	return v
}

// iso writes an ISO 8601 duration of a record in words; what is none stays.
func (f *face) iso(s string) string {
	d, err := policy.ParseDuration(s)
	if err != nil {
		return s
	}
	return f.Duration(d.Months, d.Seconds)
}
