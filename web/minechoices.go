package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// The choices of who is signed in: of each purpose, for each of their
// identifiers that it acts on; of topics and recipients within; and the uses
// that need no yes, to which they may object.

type minePage struct {
	base
	Saved   []slipLine
	Done    bool // something was just answered
	Changed bool
	Set     string // of identifiers that it asks
	GPC     bool
	Erasing *waiting
	Cards   []mineCard
	Objects []objectCard
}

// mineCard is one purpose that is asked.
type mineCard struct {
	notice.Purpose
	Voices []voiceCard
}

// voiceCard is a purpose's question to one identifier.
type voiceCard struct {
	Who    shownID
	Switch toggle
	Topics []toggle
	Often  []oftenView // how often, where the purpose offers a choice and a yes stands or waits
	Own    []ownCard
	Pauses []pauseView // for how long its yes may be paused; none where no yes stands
	Paused string      // until when it is
}

// pauseView is a pause that is offered.
type pauseView struct{ Value, Text string }

// oftenView is a frequency that is offered.
type oftenView struct {
	Value, Text, About string
	Now                bool // it is what was chosen
}

// often gives the frequencies that a purpose offers, where a yes stands or waits.
func (f *face) often(st consent.State, p notice.Purpose, value, about string) (list []oftenView) {
	yes := cmp.Or(st.Yes, st.Pending)
	if yes == nil {
		return nil
	}
	for _, o := range consent.Offered(f.version.Policy.Purposes[p.ID]) {
		list = append(list, oftenView{value + o, f.Of("often", o), about, o == yes.Often})
	}
	return list
}

// pauses are the lengths of a pause that are offered.
var pauses = []policy.Duration{{Seconds: 7 * 86400}, {Months: 1}, {Months: 3}}

// objectCard is a purpose that needs no yes, to which one may object.
type objectCard struct {
	notice.Purpose
	Since string // objected since
}

func (s *site) meChoices(v *visit, c *customer) error { return s.showMine(v, c, http.StatusOK, false) }

func (s *site) showMine(v *visit, c *customer, status int, changed bool) error {
	page := minePage{base: v.privateBase("/me/choices", v.T("mine.title")), Changed: changed, Set: c.set(), GPC: signalsOf(v.Request).GPC}
	var err error
	if page.Saved, page.Done, err = s.mySaved(v); err != nil {
		return err
	}
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	if page.Erasing, err = s.erasing(v, c, list); err != nil {
		return err
	}
	mine, err := s.mine(v, c)
	if err != nil {
		return err
	}
	for _, p := range v.notice.Asked {
		card := mineCard{Purpose: p}
		for i, id := range c.IDs {
			if slices.Contains(v.version.Policy.Purposes[p.ID].Acts(), id.Kind()) {
				one, err := s.voice(v, mine, p, id, i)
				if err != nil {
					return err
				}
				card.Voices = append(card.Voices, one)
			}
		}
		if card.Voices != nil {
			page.Cards = append(page.Cards, card)
		}
	}
	if page.Objects, err = s.objectable(v, c); err != nil {
		return err
	}
	return v.show(status, never, "mine", page)
}

// mine reads what each identifier said.
func (s *site) mine(v *visit, c *customer) (map[subject.ID]browser, error) {
	out := map[subject.ID]browser{}
	for _, id := range c.IDs {
		states, err := s.Store.States(v.Context(), id)
		if err != nil {
			return nil, err
		}
		out[id] = browser{id: id, states: states, signals: signalsOf(v.Request)}
	}
	return out, nil
}

// voice makes the questions of a purpose to one identifier, the i-th of the session.
func (s *site) voice(v *visit, mine map[subject.ID]browser, p notice.Purpose, id subject.ID, i int) (out voiceCard, err error) {
	b, key := mine[id], consent.Key{Purpose: p.ID}
	who := v.shownID(id)
	out.Who = who
	if out.Switch, err = s.toggle(v, b, key, p.Title+" – "+who.Value, nil); err != nil {
		return out, err
	}
	out.Switch.Value = answerOf(i, key, "")
	if st := b.states[key]; st.Paused != nil {
		out.Switch.Now, out.Paused = v.T("mine.paused.now"), v.T("mine.paused", "time", v.DateTime(st.Resumes))
	} else if st.Yes != nil {
		for n, d := range pauses {
			out.Pauses = append(out.Pauses, pauseView{fmt.Sprint(n, ":", answerOf(i, key, "")), v.Duration(d.Months, d.Seconds)})
		}
	}
	yes := cmp.Or(b.states[key].Yes, b.states[key].Pending)
	if yes != nil {
		for _, t := range v.version.Policy.Purposes[p.ID].Topics {
			has := yes.Topics == nil || slices.Contains(yes.Topics, t.ID)
			now := v.Of("status", consent.StatusRefused)
			if has {
				now = v.Of("status", consent.StatusGiven)
			}
			out.Topics = append(out.Topics, toggle{Value: answerOf(i, key, t.ID), Label: v.say(t.Label), Now: now})
		}
	}
	out.Often = v.often(b.states[key], p, answerOf(i, key, "")+"/as:", p.Title+" – "+who.Value)
	for _, r := range p.Recipients {
		if !r.Own {
			continue
		}
		key.Recipient = r.ID
		t, err := s.toggle(v, b, key, p.Title+" – "+r.Name+" – "+who.Value, nil)
		if err != nil {
			return out, err
		}
		t.Value = answerOf(i, key, "")
		out.Own = append(out.Own, ownCard{r.Name, v.T("choices.own.text", "country", r.Country), t})
	}
	return out, nil
}

// answerOf names a question in a form: the identifier's place in the session,
// the purpose, and a recipient or a topic.
func answerOf(i int, k consent.Key, topic string) string {
	out := string(rune('a'+i)) + "/" + k.Purpose
	switch {
	case k.Recipient != "":
		out += "/to:" + k.Recipient
	case topic != "":
		out += "/on:" + topic
	}
	return out
}

// objectable lists the uses that need no yes but bear an objection.
func (s *site) objectable(v *visit, c *customer) (list []objectCard, err error) {
	facts := make([]store.Facts, len(c.IDs))
	for i, id := range c.IDs {
		if facts[i], err = s.Store.Facts(v.Context(), id); err != nil {
			return nil, err
		}
	}
	for _, p := range v.notice.Stated {
		if p.Basis != policy.LegitimateInterest && p.Basis != policy.PublicInterest {
			continue
		}
		card := objectCard{Purpose: p}
		for _, f := range facts {
			if at, ok := f.Objected[p.ID]; ok {
				card.Since = v.T("choices.since", "time", v.DateTime(at))
			}
		}
		list = append(list, card)
	}
	return list, nil
}

// meChoose takes one answer, an objection, or a no to everything.
func (s *site) meChoose(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	ids, anchor, err := s.mineChosen(v, c)
	if errors.Is(err, errChanged) {
		return s.showMine(v, c, http.StatusConflict, true)
	}
	if err == nil {
		err = s.meet(v, c.IDs...)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/choices?saved="+s.links.make(s.Now(), ids...)+anchor))
}

func (s *site) mineChosen(v *visit, c *customer) (ids []string, anchor string, err error) {
	shown, err := s.shownAs(policy.VersionID(v.PostForm.Get("version")))
	if err != nil {
		return nil, "", err
	}
	f := v.PostForm
	if set := f.Get("set"); set != "" && set != c.set() {
		return nil, "", errChanged
	}
	switch {
	case len(f["answer"])+len(f["choice"])+len(f["object"])+len(f["pause"]) != 1:
		return nil, "", fault.At(fault.Invalid, "choice", "say one thing, once")
	case f.Get("choice") == "reject":
		if ids, err = s.noToEverything(v, c); err != nil {
			return ids, "", err
		}
		more, err := s.meetNo(v, c.IDs...)
		return append(ids, more...), "", err
	case f.Get("object") != "":
		ids, err = s.object(v, c, []string{f.Get("object")})
		return ids, "#o-" + f.Get("object"), err
	}
	if f.Get("pause") != "" {
		return s.pause(v, c, f.Get("pause"))
	}
	return s.oneAnswer(v, c, shown, f.Get("answer"))
}

// pause takes 0:a/PURPOSE: one of the lengths that are offered, and a question.
func (s *site) pause(v *visit, c *customer, what string) (ids []string, anchor string, err error) {
	n, answer, _ := strings.Cut(what, ":")
	place, purpose, _ := strings.Cut(answer, "/")
	if len(n) != 1 || n[0] < '0' || int(n[0]-'0') >= len(pauses) || len(place) != 1 || place[0] < 'a' || int(place[0]-'a') >= len(c.IDs) {
		return nil, "", fault.At(fault.Invalid, "pause", "this is not offered")
	}
	_, done, err := s.Store.Pause(v.Context(), c.IDs[place[0]-'a'], []string{purpose}, pauses[n[0]-'0'].After(s.Store.Now()), v.Tag)
	if err != nil {
		return nil, "", err
	}
	return done.IDs(), "#p-" + purpose, nil
}

// oneAnswer takes yes:a/PURPOSE, no:b/PURPOSE/to:RECIPIENT or yes:a/PURPOSE/on:TOPIC.
func (s *site) oneAnswer(v *visit, c *customer, shown *policy.Version, answer string) (ids []string, anchor string, err error) {
	refused := fault.At(fault.Invalid, "answer", "this is not asked of you")
	word, what, _ := strings.Cut(answer, ":")
	place, rest, _ := strings.Cut(what, "/")
	if len(place) != 1 || place[0] < 'a' || int(place[0]-'a') >= len(c.IDs) || word != "yes" && word != "no" {
		return nil, "", refused
	}
	id := c.IDs[place[0]-'a']
	purpose, finer, _ := strings.Cut(rest, "/")
	p, ok := shown.Policy.Purposes[purpose]
	if !ok || p.Basis != policy.Consent && !strings.HasPrefix(finer, "to:") {
		return nil, "", refused
	}
	choice := consent.Choice{Purpose: purpose, Decision: consent.Given}
	if word == "no" {
		choice.Decision = consent.Refused
	}
	states, err := s.Store.States(v.Context(), id)
	if err != nil {
		return nil, "", err
	}
	topic, onTopic := strings.CutPrefix(finer, "on:")
	often, asOften := strings.CutPrefix(finer, "as:")
	choice.Recipient, _ = strings.CutPrefix(finer, "to:")
	switch st := states[consent.Key{Purpose: purpose}]; {
	case finer == "" || onTopic: // a choice that was made before stays
		choice.Frequency = oftenKept(choice, st, p)
	case asOften:
		choice.Recipient = ""
		if choice, ok = asOftenAs(choice, st, p, often); !ok {
			return nil, "", refused
		}
	}
	if onTopic {
		choice.Recipient = ""
		if choice, ok = onTopics(choice, states[consent.Key{Purpose: purpose}], p, topic); !ok {
			return nil, "", refused
		}
	}
	if choice.Decision == consent.Given && shown.ID != v.version.ID {
		return nil, "", errChanged
	}
	if st := states[consent.Key{Purpose: purpose, Recipient: choice.Recipient}]; choice.Decision == consent.Refused && st.Ended() != nil {
		choice.Decision = consent.Withdrawn
	}
	ids, err = s.submitMine(v, c, id, shown, []consent.Choice{choice})
	return ids, "#p-" + purpose, err
}

// onTopics makes of an answer to one topic one to the purpose: with those that
// were wanted before, and it, or without it. Without any it is a no.
func onTopics(c consent.Choice, st consent.State, p policy.Purpose, topic string) (consent.Choice, bool) {
	yes := cmp.Or(st.Yes, st.Pending)
	known := slices.ContainsFunc(p.Topics, func(t policy.Topic) bool { return t.ID == topic })
	if yes == nil || !known {
		return c, false
	}
	var left []string
	for _, t := range p.Topics {
		has := yes.Topics == nil || slices.Contains(yes.Topics, t.ID)
		if t.ID == topic {
			has = c.Decision == consent.Given
		}
		if has {
			left = append(left, t.ID)
		}
	}
	c.Topics, c.Decision, c.Frequency = left, consent.Given, ""
	if c.Frequency = oftenKept(c, st, p); len(left) == 0 {
		c.Decision, c.Frequency = consent.Withdrawn, ""
	}
	return c, true
}

// asOftenAs makes of an answer to a frequency one to the purpose, with the topics
// that were wanted before.
func asOftenAs(c consent.Choice, st consent.State, p policy.Purpose, often string) (consent.Choice, bool) {
	yes := cmp.Or(st.Yes, st.Pending)
	if yes == nil || c.Decision != consent.Given || !slices.Contains(p.Frequency, often) {
		return c, false
	}
	c.Frequency = often
	for _, t := range p.Topics {
		if slices.Contains(yes.Topics, t.ID) {
			c.Topics = append(c.Topics, t.ID)
		}
	}
	return c, true
}

// oftenKept gives how often was chosen before, where that is still offered.
func oftenKept(c consent.Choice, st consent.State, p policy.Purpose) string {
	if yes := cmp.Or(st.Yes, st.Pending); yes != nil && c.Decision == consent.Given && slices.Contains(p.Frequency, yes.Often) {
		return yes.Often
	}
	return ""
}

// submitMine records answers of one identifier. A yes that has to be confirmed
// from the address itself is: the session came from there.
func (s *site) submitMine(v *visit, c *customer, id subject.ID, shown *policy.Version, choices []consent.Choice) ([]string, error) {
	language := ""
	if slices.Contains(shown.Policy.Languages, v.Tag) {
		language = v.Tag
	}
	for _, ch := range choices {
		if ch.Decision == consent.Given {
			if err := s.aged(v.ResponseWriter, v.Request, v.version.Policy, ch.Purpose); err != nil {
				return nil, err
			}
		}
	}
	done, err := s.Store.Submit(v.Context(), store.Submission{Subject: id, Choices: choices, Policy: shown.ID, Language: language,
		Surface: consent.SurfaceChoices, Signals: signalsOf(v.Request)})
	if err != nil {
		return nil, err
	}
	ids := done.IDs()
	for _, ch := range choices {
		if ch.Decision != consent.Given || !shown.Policy.Purposes[ch.Purpose].Double() || !c.has(id) {
			continue
		}
		confirmed, err := s.Store.Confirmed(v.Context(), id, ch.Purpose, consent.SurfaceChoices)
		if fault.KindOf(err) == fault.Conflict { // a repeated yes keeps the confirmed one
			continue
		}
		if err != nil {
			return ids, err
		}
		ids = append(ids, confirmed.IDs()...)
	}
	return ids, nil
}

// noToEverything takes back every yes that stands or waits, of each identifier
// (meetNo: and of the browser at hand), and objects to every use that bears it. It asks nothing of what was never
// allowed.
func (s *site) noToEverything(v *visit, c *customer) (ids []string, err error) {
	for _, id := range c.IDs {
		states, err := s.Store.States(v.Context(), id)
		if err != nil {
			return ids, err
		}
		for version, choices := range takenBack(states) {
			shown := s.Store.Version(version)
			if shown == nil {
				continue
			}
			some, err := s.submitMine(v, c, id, shown, choices)
			if err != nil {
				return ids, err
			}
			ids = append(ids, some...)
		}
	}
	list, err := s.objectable(v, c)
	if err != nil {
		return ids, err
	}
	var purposes []string
	for _, o := range list {
		if o.Since == "" {
			purposes = append(purposes, o.ID)
		}
	}
	if len(purposes) == 0 {
		return ids, nil
	}
	more, err := s.object(v, c, purposes)
	return append(ids, more...), err
}

// takenBack gives what of states stands as withdrawals, by the version each yes
// was given to. A no to a purpose takes its recipients' with it.
func takenBack(states map[consent.Key]consent.State) map[policy.VersionID][]consent.Choice {
	out := map[policy.VersionID][]consent.Choice{}
	for _, k := range slices.SortedFunc(maps.Keys(states), func(a, b consent.Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient))
	}) {
		if y := states[k].Ended(); y != nil {
			out[y.Policy] = append(out[y.Policy], consent.Choice{Purpose: k.Purpose, Recipient: k.Recipient, Decision: consent.Withdrawn})
		}
	}
	return out
}

func (s *site) object(v *visit, c *customer, purposes []string) ([]string, error) {
	_, done, err := s.Store.Ask(v.Context(), store.Ask{Subjects: c.IDs, Kind: request.Objection, Demand: request.Demand{Purposes: purposes, Language: v.Tag}})
	if err != nil {
		return nil, err
	}
	return done.IDs(), nil
}
