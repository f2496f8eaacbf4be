package web

import (
	"cmp"
	"errors"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/store"
)

// The page behind the link of the mail that asks whether an address is its
// owner's (double opt-in). Programs that look for viruses open every link of a
// mail: so opening it says nothing, and a button confirms.

type confirmPage struct {
	base
	Action   string
	Purposes []notice.Purpose // that wait, as they were shown when it was entered
	Done     bool
	Receipts []slip
}

func (s *site) confirmPage(v *visit) error {
	w, err := s.Store.WaitingBy(v.Context(), v.PathValue("token"))
	if err != nil {
		return err
	}
	v.speak(w.Language)
	page := confirmPage{base: v.linkBase("/c/"+v.PathValue("token"), v.T("confirm.title")), Action: v.path("/c/" + v.PathValue("token"))}
	page.Purposes = s.waiting(v, w)
	return v.show(200, never, "confirm", page)
}

// confirm confirms what was shown on the page, and nothing that was entered since.
func (s *site) confirm(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	done, err := s.Store.ConfirmBy(v.Context(), v.PathValue("token"), slices.Clone(v.PostForm["purpose"]))
	page := confirmPage{base: v.linkBase("/c/"+v.PathValue("token"), v.T("confirm.title"))}
	if errors.Is(err, consent.ErrNothingWaits) || errors.Is(err, consent.ErrLapsed) {
		return v.show(200, never, "confirm", page)
	}
	if err != nil {
		return err
	}
	receipts, err := done.Receipts(v.Context())
	if err != nil {
		return err
	}
	page.Done = true
	for _, r := range receipts {
		k := consent.Key{Purpose: r.Record.HasConsent.Purpose, Recipient: r.Record.HasConsent.Recipient}
		page.Receipts = append(page.Receipts, slip{Title: v.titleOf(k), Href: v.path("/receipt/" + s.links.make(s.Now(), r.ID))})
	}
	return v.show(200, never, "confirm", page)
}

// waiting gives the purposes that wait, in the words of the version each was
// shown in.
func (s *site) waiting(v *visit, w store.Waiting) []notice.Purpose {
	var list []notice.Purpose
	for key, yes := range w.Yes {
		shown := v.notice
		if yes.Policy != v.version.ID {
			if old := s.Store.Version(yes.Policy); old != nil {
				shown = notice.Of(old, v.Words)
			}
		}
		i := slices.IndexFunc(shown.Asked, func(p notice.Purpose) bool { return p.ID == key.Purpose })
		if i < 0 || slices.ContainsFunc(list, func(p notice.Purpose) bool { return p.ID == key.Purpose }) {
			continue
		}
		p := shown.Asked[i]
		p.Recipients = slices.DeleteFunc(slices.Clone(p.Recipients), func(r notice.Party) bool {
			_, asked := w.Yes[consent.Key{Purpose: key.Purpose, Recipient: r.ID}]
			return r.Own && !asked
		})
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b notice.Purpose) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// speak turns to a language, where the address of the page names none: the one in
// which the person was asked.
func (v *visit) speak(language string) {
	if f := v.ed.faces[language]; f != nil && !v.named() {
		v.face = f
	}
}

// named reports whether the address of the page names its language.
func (v *visit) named() bool {
	return len(v.URL.Path) > 3 && v.URL.Path[3] == '/' && v.ed.faces[v.URL.Path[1:3]] != nil
}

// linkBase is the base of a page that only who was sent its address knows.
func (v *visit) linkBase(path, title string) base {
	b := v.at(v.ed, path, title)
	b.Private, b.OneAct = true, true
	return b
}
