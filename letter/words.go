package letter

import (
	"html/template"
	"strings"
	"time"

	"github.com/amana-privacy/amana/lang"
)

// said is a sentence as plain text and as HTML.
type said struct {
	Plain string
	HTML  template.HTML
}

// words says sentences in a language, in both forms at once. In each, a value
// of another script stands in an isolate of its own, so that a Latin name that
// ends in a bracket leaves the Arabic sentence around it alone.
type words struct{ *lang.Words }

// T gives the text of a key in both forms. Its arguments are those of lang.
func (w words) T(key string, args ...any) said {
	isolated := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok && i%2 == 1 {
			isolated[i] = isolate(s)
		} else {
			isolated[i] = a
		}
	}
	return said{w.Words.T(key, isolated...), w.Words.H(key, args...)}
}

// isolate is a first-strong isolate around a text (Unicode Annex 9).
func isolate(s string) string { return "\u2068" + s + "\u2069" }

// body is what a kind of mail says.
type body struct {
	subject string // of a header: no isolates
	before  []said // above code and button
	button  string // "" without
	after   []said
}

// bodyOf gives the words of a letter. A subject never names a purpose or a
// recipient: it is read over shoulders, and on locked telephones.
func (l Letter) bodyOf(w words, company string, queued time.Time) body {
	left := func() string { // a letter is queued a moment after its end was set
		return w.Duration(0, int64(l.Ends(queued).Sub(queued).Round(time.Minute)/time.Second))
	}
	switch l.Kind {
	case Confirm:
		return body{w.Words.T("mail.confirm.subject", "company", company), []said{w.T("mail.confirm.lead", "company", company), w.T("mail.confirm.what")},
			w.Words.T("mail.confirm.button"), []said{w.T("mail.confirm.not_you")}}
	case SignIn:
		return body{w.Words.T("mail.sign_in.subject", "company", company), []said{w.T("mail.sign_in.lead", "company", company)},
			w.Words.T("mail.sign_in.button"), []said{w.T("mail.sign_in.once", "time", left()), w.T("mail.sign_in.not_you")}}
	case Parent:
		return body{w.Words.T("mail.parent.subject", "company", company), []said{w.T("mail.parent.lead", "company", company), w.T("mail.parent.what")},
			w.Words.T("mail.parent.button"), []said{w.T("mail.parent.until", "time", left()), w.T("mail.parent.not_you")}}
	case Again:
		return body{w.Words.T("mail.parent_again.subject", "company", company), []said{w.T("mail.parent_again.lead", "company", company), w.T("mail.parent_again.what")},
			w.Words.T("mail.parent_again.button"), []said{w.T("mail.parent_again.until", "time", w.DateTime(l.Ends(queued))), w.T("mail.parent_again.keep")}}
	case Erasing:
		return body{w.Words.T("mail.erasing.subject", "company", company), []said{w.T("mail.erasing.lead", "company", company), w.T("mail.erasing.when", "time", w.DateTime(l.Until))},
			w.Words.T("mail.erasing.button"), []said{w.T("mail.erasing.not_you")}}
	case Join:
		return body{w.Words.T("mail.join.subject", "company", company), []said{w.T("mail.join.lead", "company", company)},
			"", []said{w.T("mail.sign_in.once", "time", left()), w.T("mail.join.not_you")}}
	case Linked:
		return body{w.Words.T("mail.linked.subject", "company", company), []said{w.T("mail.linked.lead", "company", company), l.what(w)},
			w.Words.T("mail.linked.button"), []said{w.T("mail.linked.then"), w.T("mail.linked.not_you")}}
	case Unlinked:
		return body{w.Words.T("mail.unlinked.subject", "company", company), []said{w.T("mail.unlinked.lead", "company", company), l.what(w)},
			"", []said{w.T("mail.unlinked.not_you", "company", company)}}
	case PasskeyAdded:
		return body{w.Words.T("mail.passkey_added.subject", "company", company), []said{w.T("mail.passkey_added.lead", "company", company)},
			"", []said{w.T("mail.passkey.not_you", "company", company)}}
	case PasskeyRemoved:
		return body{w.Words.T("mail.passkey_removed.subject", "company", company), []said{w.T("mail.passkey_removed.lead", "company", company)},
			"", []said{w.T("mail.passkey.not_you", "company", company)}}
	}
	return body{subject: l.Subject}
}

// what names the identifier that a mail is about.
func (l Letter) what(w words) said {
	kind, value, _ := strings.Cut(l.What, ":")
	return w.T("mail.linked.what", "kind", w.Of("kind", kind), "value", value)
}
