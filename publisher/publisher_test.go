package publisher_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// world is a store in which Casco Fiber's policy is in force, and what publishes it.
type world struct {
	t      *testing.T
	dir    string
	cfg    store.Config
	db     *store.DB
	p      *publisher.Publisher
	source string

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// databases are those that differ for who reads what was committed; what one version
// of PostgreSQL has in its own way is the store's to try.
var databases = []string{"sqlite", "18"}

func each(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	for _, on := range databases {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, on))
		})
	}
}

func newWorld(t *testing.T, on string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	ring, err := keyring.Create(filepath.Join(w.dir, "keys"), "cascofiber.example/log")
	must(t, err)
	w.cfg = store.Config{Ring: ring, Create: true, Mail: true, PublicURL: "https://privacy.cascofiber.example", Now: w.clock, TakeBack: func(string) (string, string) { return "https://cascofiber.example/choices", "Say no." }}
	if on == "sqlite" {
		w.cfg.Path = filepath.Join(w.dir, "amana.db")
	} else {
		w.cfg.Postgres = pgtest.Database(t, on)
	}
	w.db, err = store.Open(t.Context(), w.cfg)
	must(t, err)
	t.Cleanup(func() { w.db.Close() })
	raw, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	must(t, err)
	w.source = string(raw)
	w.publish()
	w.p = w.publisher(w.db, ring)
	return w
}

func (w *world) publisher(db *store.DB, ring *keyring.Ring) *publisher.Publisher {
	w.t.Helper()
	p := publisher.New(w.t.Context(), publisher.Config{Store: db, Ring: ring, Dir: w.dir, Now: w.clock})
	w.t.Cleanup(p.Close)
	must(w.t, p.Ready(w.t.Context()))
	return p
}

func (w *world) publish(same ...string) {
	w.t.Helper()
	doc, findings := policy.Read("amana.yaml", []byte(w.source))
	if len(findings) > 0 {
		w.t.Fatal(findings)
	}
	_, err := w.db.Publish(w.t.Context(), doc, same, "Mona Haddad")
	must(w.t, err)
}

func (w *world) say(id subject.ID, purpose string, answer consent.Answer) error {
	_, err := w.db.Submit(w.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: answer}}})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same holds an answer from memory to the one from the store.
func (w *world) same(p *publisher.Publisher, id subject.ID, q decision.Question) decision.Reason {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !p.FromMemory(); time.Sleep(time.Millisecond) { // as soon as the machine lets it look
		if time.Now().After(end) {
			w.t.Fatal("the table does not answer")
		}
	}
	got, by, err := p.Decide(w.t.Context(), id, q)
	must(w.t, err)
	want, wantBy, err := w.db.DecideBy(w.t.Context(), id, q)
	must(w.t, err)
	if got.Reason != want.Reason || got.Allowed != want.Allowed || by != wantBy {
		w.t.Fatalf("%s for %+v: %s by %s, and the store says %s by %s", id, q, got.Reason, by, want.Reason, wantBy)
	}
	return got.Reason
}

// relink links two identifiers, or takes one away from its person.
func (w *world) relink(rnd *rand.Rand, a, b subject.ID) {
	w.t.Helper()
	var err error
	if browser := people[len(people)-1]; rnd.IntN(3) == 0 {
		_, err = w.db.Meet(w.t.Context(), browser, a, b)
	} else if rnd.IntN(3) == 0 {
		_, _, err = w.db.Unlink(w.t.Context(), a, a, "en")
	} else {
		_, _, err = w.db.Link(w.t.Context(), store.Linking{First: a, Second: b, Proved: []subject.ID{a, b}, Company: rnd.IntN(2) == 0, Path: "/en/me/undo/"})
	}
	if err != nil && fault.KindOf(err) != fault.Conflict {
		w.t.Fatal(err)
	}
}

var (
	people     = []subject.ID{"email:a@example.com", "email:b@example.com", "phone:+12075550134", "phone:+12075550135", "customer:1", "customer:2", "device:AAECAwQFBgcICQoLDA0ODw"}
	recipients = []string{"", "", "", "institute", "texter", "texter"}
	purposes   = []string{"newsletter", "offers", "text_updates", "tailored_offers", "coverage_study", "analytics", "billing", "network_security", "nothing"}
)

// Whatever happens, in whatever order, what is answered from memory is what the
// store answers, at once after each act.
func TestMemoryAnswersAsTheStoreDoes(t *testing.T) {
	told := map[decision.Reason]int{}
	var mu sync.Mutex
	each(t, func(t *testing.T, w *world) {
		rnd := rand.New(rand.NewPCG(7, uint64(len(t.Name()))))
		rounds := 300
		if os.Getenv("AMANA_SOAK") != "" {
			rounds = 20_000
		}
		for i := range rounds {
			id, purpose := people[rnd.IntN(len(people))], purposes[rnd.IntN(len(purposes))]
			switch n := rnd.IntN(40); {
			case n == 0:
				w.source = strings.Replace(w.source, "Once a month we write", fmt.Sprintf("Once a month (%d) we write", i), 1)
				if rnd.IntN(2) == 0 {
					w.publish("newsletter")
				} else {
					w.publish()
				}
			case n < 3:
				if _, err := w.db.Erase(t.Context(), id, store.BySubject); fault.KindOf(err) != fault.Unknown {
					must(t, err)
				}
			case n < 5:
				must(t, w.db.Shred(t.Context()))
			case n == 5:
				must(t, w.db.RotateFeed(t.Context()))
				must(t, w.p.Renewed(t.Context()))
			case n == 6:
				w.p.Close()
				w.p = w.publisher(w.db, w.cfg.Ring)
			case n < 10:
				w.pass(time.Duration(rnd.IntN(160*24)) * time.Hour)
			case n < 13:
				w.db.Confirm(t.Context(), id, purpose, consent.SurfaceDemo) // refused where nothing waits
			case n < 14: // what holds for a person holds for each of their identifiers
				ask := store.Ask{Subjects: []subject.ID{id, people[rnd.IntN(len(people))]}, Kind: request.Restriction}
				if rnd.IntN(4) > 0 {
					ask.Kind, ask.Demand = request.Objection, request.Demand{Purposes: []string{"network_security"}}
				}
				_, _, err := w.db.Ask(t.Context(), ask)
				if k := fault.KindOf(err); err != nil && k != fault.Invalid && k != fault.Conflict && k != fault.Unknown && k != fault.Overloaded {
					t.Fatal(err)
				}
			case n < 16:
				w.permits(rnd)
			case n < 20:
				w.relink(rnd, id, people[rnd.IntN(len(people))])
			case n < 23:
				w.happens(rnd, id)
			default:
				err := w.say(id, purposes[rnd.IntN(6)], []consent.Answer{consent.Given, consent.Given, consent.Given, consent.Given, consent.Refused, consent.Withdrawn}[rnd.IntN(6)])
				if err != nil && fault.KindOf(err) != fault.Invalid && !errors.Is(err, store.ErrBelowAge) {
					t.Fatal(err)
				}
			}
			for _, id := range people {
				q := decision.Question{Purpose: purposes[rnd.IntN(len(purposes))], Recipient: recipients[rnd.IntN(len(recipients))], Signals: consent.Signals{GPC: rnd.IntN(3) == 0}}
				reason := w.same(w.p, id, q)
				mu.Lock()
				told[reason]++
				mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		for _, r := range []decision.Reason{decision.RecipientSuspended, decision.ForbiddenByLaw, decision.RecipientNotPermitted, decision.Given, decision.Withdrawn, decision.Erased, decision.Restricted, decision.Objected, decision.Basis, decision.Expired, decision.UnknownSubject, decision.Child} {
			if told[r] < 2 {
				t.Errorf("%s was told %d times: %v", r, told[r], told)
			}
		}
	})
}

// happens does one of the things that change answers of somebody besides what they
// say: a pause and its end, what is stopped for everybody, an erasure that waits and
// its end, a third party, a parent's word and a parent's erasure.
func (w *world) happens(rnd *rand.Rand, id subject.ID) {
	w.t.Helper()
	ctx, purpose := w.t.Context(), purposes[2+rnd.IntN(4)]
	var err error
	switch rnd.IntN(9) {
	case 0:
		_, _, err = w.db.Pause(ctx, id, []string{purpose}, w.clock().Add(time.Duration(1+rnd.IntN(40))*24*time.Hour), "en")
	case 1, 2:
		err = w.endsSomething(rnd, id)
	case 3, 7, 8:
		err = w.db.Stop(ctx, []string{"texter", "institute"}[:rnd.IntN(3)], []string{"network_security", purpose}[:rnd.IntN(3)])
	case 4:
		var r request.Request
		r, _, err = w.db.Ask(ctx, store.Ask{Subjects: []subject.ID{id}, Kind: request.Erasure, Alone: rnd.IntN(2) == 0})
		if err == nil && rnd.IntN(3) > 0 {
			_, _, err = w.db.Cancel(ctx, r.ID, id)
		}
	case 5:
		_, err = w.db.Submit(ctx, store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "coverage_study", Recipient: "institute", Decision: consent.Given}}})
	default:
		if w.permits(rnd); rnd.IntN(3) == 0 {
			_, err = w.db.Erase(ctx, "email:parent@example.com", store.BySubject)
		}
	}
	if k := fault.KindOf(err); err != nil && k != fault.Conflict && k != fault.Unknown && k != fault.Invalid {
		w.t.Fatal(err)
	}
}

// endsSomething ends what waits of somebody.
func (w *world) endsSomething(rnd *rand.Rand, id subject.ID) error {
	list, err := w.db.Requests(w.t.Context(), id)
	for _, r := range list {
		switch {
		case r.State != request.Waiting:
		case r.Kind == request.Pause:
			_, err := w.db.Resume(w.t.Context(), r.ID, id)
			return err
		case r.Kind == request.Erasure && rnd.IntN(4) > 0:
			_, _, err := w.db.Cancel(w.t.Context(), r.ID, id)
			return err
		case r.Kind == request.Erasure && w.clock().Before(r.Acts):
			w.pass(r.Acts.Sub(w.clock()))
			_, err := w.db.EraseRequested(w.t.Context(), r.ID)
			return err
		}
	}
	return err
}

// permits has a parent permit something for a child, or take it back.
func (w *world) permits(rnd *rand.Rand) {
	w.t.Helper()
	ctx, parent := w.t.Context(), subject.ID("email:parent@example.com")
	list, err := w.db.Requests(ctx, parent)
	must(w.t, err)
	for _, r := range list {
		if r.State == request.Done && rnd.IntN(2) == 0 {
			_, err := w.db.EndPermission(ctx, r.ID)
			must(w.t, err)
			return
		}
	}
	ask := store.ParentAsk{Child: people[4+rnd.IntN(2)], Parent: parent, Purposes: []string{"coverage_study"}, Language: "en", Proved: true}
	must(w.t, w.db.AskParent(ctx, ask))
	mails, err := w.db.ClaimMail(ctx, 1000, time.Minute)
	must(w.t, err)
	for _, m := range mails {
		must(w.t, w.db.EndMail(ctx, m, store.MailSent, nil))
		token, ok := strings.CutPrefix(m.Letter.Path, "/parent/")
		if !ok {
			continue
		}
		r, _, err := w.db.SignPermission(ctx, token, store.Signed{Purposes: ask.Purposes, Name: "Huda Haddad", Language: "en", Policy: w.db.InForce().ID})
		must(w.t, err)
		w.pass(request.SecondAfter)
		must(w.t, w.db.AskAgain(ctx, r.ID))
		_, err = w.db.Permit(ctx, r.ID)
		must(w.t, err)
	}
}

// Two servers on one database: what one acknowledges the other answers soon.
func TestServersFollowEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "18")
	ring, err := keyring.Open(filepath.Join(w.dir, "keys"))
	must(t, err)
	cfg := w.cfg
	cfg.Ring = ring
	other, err := store.Open(t.Context(), cfg)
	must(t, err)
	defer other.Close()
	p := w.publisher(other, ring)
	defer p.Close()
	ask := decision.Question{Purpose: "text_updates"}
	expect := func(id subject.ID, q decision.Question, want decision.Reason) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			a, _, err := p.Decide(t.Context(), id, q)
			must(t, err)
			if a.Reason == want && p.FromMemory() {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %s, want %s", id, a.Reason, want)
			}
		}
	}
	must(t, w.say("phone:+12075550134", "text_updates", consent.Given))
	expect("phone:+12075550134", ask, decision.Given)
	must(t, w.say("phone:+12075550134", "text_updates", consent.Withdrawn))
	expect("phone:+12075550134", ask, decision.Withdrawn)
	_, err = w.db.Erase(t.Context(), "phone:+12075550134", store.BySubject)
	must(t, err)
	expect("phone:+12075550134", ask, decision.Erased)
	expect("phone:+12075550134", decision.Question{Purpose: "network_security"}, decision.Erased)
	w.source = strings.Replace(w.source, "Once a month we write", "Twice a month we write", 1)
	w.publish()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, by, _ := p.Decide(t.Context(), "customer:1", ask); by == w.db.InForce().ID {
			break
		} else if time.Now().After(end) {
			t.Fatal("the other server never hears of the policy")
		}
	}
}

// While the table of the next epoch is made, however long that takes, this server
// answers from memory and its replicas hear that all is as it was.
func TestAServerGoesOnWhileTheNextEpochIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "18")
	const id, ask = subject.ID("phone:+12075550134"), "text_updates"
	must(t, w.say(id, ask, consent.Given))
	r := w.replica()
	r.catchesUp()
	release := sync.OnceFunc(w.p.HoldNext())
	defer release()
	must(t, w.db.RotateFeed(t.Context()))
	for end := time.Now().Add(feed.Bound + feed.Bound/2); time.Now().Before(end); {
		r.catchesUp()
	}
	if w.same(w.p, id, decision.Question{Purpose: ask}) != decision.Given {
		t.Error("the yes is gone")
	}
	must(t, w.say(id, ask, consent.Withdrawn))
	r.catchesUp()
	if got := r.says(id, decision.Question{Purpose: ask}); got.Reason != decision.Withdrawn {
		t.Errorf("the replica says %s", got.Reason)
	}
	release()
	must(t, w.p.Renewed(t.Context()))
	if w.same(w.p, id, decision.Question{Purpose: ask}) != decision.Withdrawn {
		t.Error("the no is gone")
	}
}
