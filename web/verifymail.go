package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// "Did this come from you?": whoever got a mail asks with its code and the
// address it came to. Neither alone says anything, so that nobody learns who gets
// mail from us; every miss has one and the same answer.

type mailView struct {
	Asked bool
	Kind  string // what the mail was for, in words; "" where it is none of ours
	At    time.Time
	Hosts []string
}

func (s *site) verifyMail(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	page := s.verifyPage(v)
	page.Private, page.Mail.Asked = true, true
	id, err := subject.Parse(subject.Email+":"+v.PostForm.Get("email"), "")
	if err != nil {
		id = subject.Email + ":nobody@invalid.invalid" // is looked for all the same
	}
	told, ok, err := s.Store.AskMail(v.Context(), id, codeOf(v.PostForm.Get("code")))
	if err != nil {
		return err
	}
	if ok {
		page.Mail.Kind, page.Mail.At, page.Mail.Hosts = v.Of("mail_kind", told.Kind), told.At, told.Hosts
	}
	return v.show(http.StatusOK, never, "verify", page)
}

// codeOf reads a code as people write it: in any case, with other dashes and
// digits, with letters that look like digits.
func codeOf(s string) string {
	s = strings.ToUpper(s[:min(len(s), 100)])
	s = strings.Map(func(r rune) rune {
		switch {
		case '٠' <= r && r <= '٩':
			return r - '٠' + '0'
		case '۰' <= r && r <= '۹':
			return r - '۰' + '0'
		case r == 'O':
			return '0'
		case r == 'I' || r == 'L':
			return '1'
		case '0' <= r && r <= '9', 'A' <= r && r <= 'Z':
			return r
		}
		return -1
	}, s)
	if len(s) != 10 {
		return ""
	}
	return s[:5] + "-" + s[5:]
}
