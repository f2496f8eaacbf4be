package fulfil_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

// every is how often the engine looks: it is days of waiting.
const every = 30 * time.Minute

const (
	mina subject.ID = "customer:10042"
	huda subject.ID = "email:huda@example.com" // a parent
)

// opened is a store by the clock of the bubble, with somebody in it.
func opened(t *testing.T) *store.DB {
	t.Helper()
	db := storetest.Open(t, storetest.Source(t, "casco-fiber"), func(c *store.Config) { c.Mail = true })
	if _, err := db.Submit(context.Background(), store.Submission{Subject: mina, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestEverythingEndsInItsTime runs the engine by the clock: an erasure, a
// download and a pause each end when they shall, not a moment before, and the
// engine stops when it is told to.
func TestEverythingEndsInItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*store.DB) error
		lasts time.Duration
		over  func(*store.DB) bool
	}{
		"an erasure": {
			func(db *store.DB) error {
				_, _, err := db.Ask(context.Background(), store.Ask{Subjects: []subject.ID{mina}, Kind: request.Erasure})
				return err
			}, request.ToThink,
			func(db *store.DB) bool { return reason(db) == decision.Erased },
		},
		"a pause": {
			func(db *store.DB) error {
				_, _, err := db.Pause(context.Background(), mina, []string{"tailored_offers"}, time.Now().Add(7*24*time.Hour), "en")
				return err
			}, 7 * 24 * time.Hour,
			func(db *store.DB) bool { return reason(db) == decision.Given },
		},
		"a permission that is not confirmed": {
			func(db *store.DB) error {
				if err := db.AskParent(context.Background(), store.ParentAsk{Child: mina, Parent: huda, Purposes: []string{"coverage_study"}, Language: "en"}); err != nil {
					return err
				}
				mails, err := db.ClaimMail(context.Background(), 1, time.Minute)
				if err != nil {
					return err
				}
				_, _, err = db.SignPermission(context.Background(), strings.TrimPrefix(mails[0].Letter.Path, "/parent/"),
					store.Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Language: "en", Policy: db.InForce().ID})
				return err
			}, request.SecondAfter + request.SecondFor,
			func(db *store.DB) bool {
				list, err := db.Requests(context.Background(), huda)
				return err == nil && len(list) == 0
			},
		},
		"a download": {
			func(db *store.DB) error {
				r, _, err := db.Ask(context.Background(), store.Ask{Subjects: []subject.ID{mina}, Kind: request.Portability, Demand: request.Demand{Seal: "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"}})
				if err != nil {
					return err
				}
				_, err = db.SaveDownload(context.Background(), r.ID, []byte("everything"), 1)
				return err
			}, request.DownloadLife,
			func(db *store.DB) bool {
				list, err := db.Requests(context.Background(), mina)
				return err == nil && list[0].Acts.IsZero()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := opened(t)
				if err := c.begin(db); err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(context.Background())
				done := make(chan struct{})
				go func() {
					defer close(done)
					(&fulfil.Engine{Store: db, Log: slog.New(slog.DiscardHandler), Every: every}).Run(ctx)
				}()
				time.Sleep(c.lasts - time.Minute)
				if c.over(db) {
					t.Error("it was over before its time")
				}
				time.Sleep(time.Minute + every)
				for range 1000 { // files are not of the bubble: what was begun in time is waited for
					if c.over(db) {
						break
					}
					time.Sleep(every)
				}
				if !c.over(db) {
					t.Error("it did not end in its time")
				}
				stop()
				<-done
				if _, err := db.Check(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func reason(db *store.DB) decision.Reason {
	a, err := db.Decide(context.Background(), mina, decision.Question{Purpose: "tailored_offers"})
	if err != nil {
		return ""
	}
	return a.Reason
}
