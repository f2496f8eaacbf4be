package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Several identifiers of one person: who is signed in proves another, and it is
// linked; what is linked is listed, proved again in this session, and taken away.

type identifiersPage struct {
	base
	Mine        []mineID
	Hidden      bool // there are others, which are not shown to a phone alone
	Mail, Phone bool // ways that messages go
	Problem     string
	Address     string
	Level       string
	Two         bool
}

// mineID is one identifier of the person.
type mineID struct {
	Ref    string
	Who    shownID
	Proved bool // in this session
	Prove  bool // a message can be sent to it
	Until  string
	Unsure bool
	Linked bool
}

// ref names an identifier in a form of this session, without saying it.
func (c *customer) ref(id subject.ID) string {
	sum := sha256.Sum256([]byte("amana/identifier/v1\n" + c.token + "\n" + string(id)))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// shows gives the linked identifiers that may be shown, masked: to a phone alone,
// which may be another's by now, none but itself.
func (c *customer) shows() []proof.Member {
	if c.speaks() {
		return c.members
	}
	return slices.DeleteFunc(slices.Clone(c.members), func(m proof.Member) bool { return !slices.Contains(c.IDs, m.ID) })
}

func (s *site) identifiers(v *visit, c *customer) error {
	return s.showIdentifiers(v, c, http.StatusOK, "")
}

func (s *site) showIdentifiers(v *visit, c *customer, status int, problem string) error {
	page := identifiersPage{base: v.privateBase("/me/identifiers", v.T("ids.title")), Problem: problem, Address: v.PostForm.Get("address"),
		Level: v.Of("level", c.Level), Two: c.Level >= policy.ProofTwo}
	page.Mail, page.Phone = s.ways()
	shown := c.shows()
	page.Hidden = len(shown) < len(c.members)
	for _, m := range shown {
		one := mineID{Ref: c.ref(m.ID), Who: v.shownID(m.ID), Proved: c.has(m.ID), Prove: s.reaches(m.ID) && !c.has(m.ID), Unsure: m.Unsure, Linked: true}
		if settles := m.Since.Add(proof.Settles); !m.Vouched && s.Store.Now().Before(settles) {
			one.Until = v.DateTime(settles)
		}
		page.Mine = append(page.Mine, one)
	}
	if len(c.members) == 0 {
		for _, id := range c.IDs {
			page.Mine = append(page.Mine, mineID{Who: v.shownID(id), Proved: c.has(id)})
		}
	}
	return v.show(status, never, "identifiers", page)
}

// reaches reports whether a message can be sent to an identifier.
func (s *site) reaches(id subject.ID) bool {
	mail, phone := s.ways()
	return id.Kind() == subject.Email && mail || id.Kind() == subject.Phone && phone
}

// changeIdentifiers begins to prove another identifier, or takes one away.
func (s *site) changeIdentifiers(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	if ref := v.PostForm.Get("remove"); ref != "" {
		return s.removeIdentifier(v, c, ref)
	}
	id, ok := c.named(v.PostForm.Get("prove"))
	if ok = ok && s.reaches(id); !ok {
		id, ok = s.reachable(v.PostForm.Get("address"), v.version.Policy)
	}
	if !ok {
		return s.showIdentifiers(v, c, http.StatusUnprocessableEntity, v.T("signin.unreadable"))
	}
	if !s.asks.allow(v.Request, s.Now()) {
		return errRate
	}
	data, err := json.Marshal(askedFor{To: "/me/identifiers", For: c.By})
	if err != nil {
		return err
	}
	way, err := s.Store.AskIn(v.Context(), store.Entry{ID: id, Language: v.Tag, Join: true, Data: data})
	if err != nil {
		return err
	}
	if way.Due && id.Kind() == subject.Phone {
		s.text(v, id, v.T("sms.join", "company", v.base.Company, "code", way.Code), way.Code)
	}
	s.setTicket(v, way.Ticket, way.Until)
	return v.redirect(http.StatusSeeOther, v.path("/me/code"))
}

// named gives the linked identifier that a form names.
func (c *customer) named(ref string) (subject.ID, bool) {
	for _, m := range c.shows() {
		if ref != "" && ref == c.ref(m.ID) {
			return m.ID, true
		}
	}
	return "", false
}

func (s *site) removeIdentifier(v *visit, c *customer, ref string) error {
	id, ok := c.named(ref)
	if !ok {
		return v.redirect(http.StatusSeeOther, v.path("/me/identifiers"))
	}
	if c.Level < policy.ProofTwo && !c.has(id) && c.stands(id, s.Store.Now()) {
		return errProof{policy.ProofTwo}
	}
	_, told, err := s.Store.Unlink(v.Context(), id, c.By, v.Tag)
	if err != nil {
		return err
	}
	s.tellPhones(v, told)
	return v.redirect(http.StatusSeeOther, v.path("/me/identifiers"))
}

// stands reports whether an identifier has been linked for long. A thief in one
// mailbox must not take away those who would be told of what the thief does next.
func (c *customer) stands(id subject.ID, now time.Time) bool {
	return slices.ContainsFunc(c.members, func(m proof.Member) bool {
		return m.ID == id && (m.Vouched || !now.Before(m.Since.Add(proof.Settles)))
	})
}

// join links what was proved with what the session was begun with.
func (s *site) join(v *visit, c *customer, id subject.ID) error {
	_, told, err := s.Store.Link(v.Context(), store.Linking{First: c.By, Second: id, Proved: slices.Concat(c.kept.IDs, c.kept.Other, []subject.ID{id}), Session: c.token, Language: v.Tag, Path: v.path("/me/undo/")})
	if errors.Is(err, store.ErrEnded) {
		return v.redirect(http.StatusSeeOther, v.path("/me"))
	}
	if problem := v.unlinkable(err); problem != "" {
		return s.showIdentifiers(v, c, http.StatusConflict, problem)
	}
	if err != nil {
		return err
	}
	if !c.has(id) {
		c.kept.Other = append(c.kept.Other, id)
	}
	if err := s.meet(v, slices.Concat([]subject.ID{c.By}, c.proved(), []subject.ID{id})...); err != nil {
		return err
	}
	if err := s.sessions.keep(c.ctx, v.ResponseWriter, c.kept); err != nil && !errors.Is(err, errEnded) {
		return err
	}
	s.tellPhones(v, told)
	return v.redirect(http.StatusSeeOther, v.path("/me/identifiers"))
}

// unlinkable says in words why two identifiers are not linked; "" where it is not
// for that.
func (f *face) unlinkable(err error) string {
	switch {
	case errors.Is(err, store.ErrOthers):
		return f.T("ids.others")
	case errors.Is(err, store.ErrPhoneAlone):
		return f.T("ids.phone")
	case errors.Is(err, store.ErrTooMany):
		return f.T("ids.many")
	}
	return ""
}

// tellPhones sends the text messages that tell of a link, or of its end.
func (s *site) tellPhones(v *visit, told []store.Notice) {
	for _, n := range told {
		if n.ID.Kind() != subject.Phone || s.SMS == nil {
			continue
		}
		_, what, _ := strings.Cut(n.What, ":")
		text := v.T("sms.unlinked", "company", v.base.Company, "what", what)
		if n.Path != "" {
			text = v.T("sms.linked", "company", v.base.Company, "what", what, "link", s.PublicURL+n.Path)
		}
		s.text(v, n.ID, text, "")
	}
}

// linkHanded links what the company's login handed over together. What cannot be
// linked stays as it is: the company vouches for it in this session all the same.
func (s *site) linkHanded(v *visit, ids []subject.ID) error {
	for _, id := range ids[1:] {
		_, told, err := s.Store.Link(v.Context(), store.Linking{First: ids[0], Second: id, Proved: ids, Company: true, Language: v.Tag, Path: v.path("/me/undo/")})
		if err != nil && fault.KindOf(err) != fault.Conflict {
			return err
		}
		s.tellPhones(v, told)
	}
	return nil
}

type undoPage struct {
	base
	Who  *shownID // what is taken away; nil: the link undoes nothing
	To   string
	Done bool
}

// undoPage shows a button: what merely opens a link takes nothing away.
func (s *site) undoPage(v *visit) error {
	pass, err := s.Store.Look(v.Context(), store.Undo, v.PathValue("token"))
	if err != nil && fault.KindOf(err) != fault.Denied {
		return err
	}
	return s.showUndo(v, pass, err == nil, false)
}

func (s *site) showUndo(v *visit, pass store.Pass, ok, done bool) error {
	page := undoPage{base: v.privateBase("/me", v.T("undo.title")), Done: done}
	status := http.StatusForbidden
	if ok {
		id := v.shownID(subject.ID(pass.Data))
		page.Who, page.To, status = &id, v.path("/me/undo/")+v.PathValue("token"), http.StatusOK
	}
	return v.show(status, never, "undo", page)
}

// undo takes away what was linked with whoever got the message.
func (s *site) undo(v *visit) error {
	pass, err := s.Store.Use(v.Context(), store.Undo, v.PathValue("token"), "")
	if fault.KindOf(err) == fault.Denied {
		return s.showUndo(v, pass, false, false)
	}
	if err != nil {
		return err
	}
	_, told, err := s.Store.Unlink(v.Context(), subject.ID(pass.Data), pass.Owner, v.Tag)
	if err != nil {
		return err
	}
	s.tellPhones(v, told)
	return s.showUndo(v, pass, true, true)
}
