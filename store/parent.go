package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// A child who is asked for a yes may name a parent. What was asked lies in a
// pass that the token in the parent's mail alone opens: the database has nothing
// in it that leads to the child, and when its time is over nothing at all.

// ParentAsk is what a child wants a parent to permit.
type ParentAsk struct {
	Child    subject.ID
	Parent   subject.ID // an address of mail
	Purposes []string
	Language string
	Proved   bool // the child's identifier is; false: it was typed
}

const (
	parentPass = "parent"
	// ParentFor is how long a parent may take to answer.
	ParentFor = 7 * 24 * time.Hour
	// maxParents is how many such mails an address gets in a day.
	maxParents = 3
)

// Parents is the kind of the knocks of children at a parent's address.
const Parents = "parent"

// sealedAsk is what the pass of a parent holds.
type sealedAsk struct {
	Child    subject.ID `json:"c"`
	Purposes []string   `json:"p"`
	Language string     `json:"l"`
	Proved   bool       `json:"v,omitempty"`
}

// AskParent queues the mail that asks a parent. Whoever is known by either
// address makes no difference, and an address that was asked often enough today
// gets none: the answer is the same. A parent who is the child is fault.Invalid.
func (db *DB) AskParent(ctx context.Context, a ParentAsk) error {
	switch {
	case !db.cfg.Mail:
		return fault.New(fault.Conflict, "no mails are sent here")
	case a.Parent.Kind() != subject.Email || a.Parent == a.Child:
		return fault.At(fault.Invalid, "parent", "not the address of a parent")
	}
	data, err := json.Marshal(sealedAsk{a.Child, a.Purposes, a.Language, a.Proved})
	if err != nil {
		return fmt.Errorf("asking a parent: %w", err)
	}
	until := db.now().Add(ParentFor)
	tokens, rows, err := db.newPasses([]Pass{{Kind: parentPass, Owner: a.Parent, Data: data, Until: until}})
	if err != nil {
		return fmt.Errorf("asking a parent: %w", err)
	}
	err = db.write(ctx, func(t *tx) error {
		if n, err := t.knock(a.Parent, Parents, t.now); err != nil || n > maxParents {
			return err
		}
		if err := t.issue(rows); err != nil {
			return err
		}
		return t.postFor(letter.Letter{Kind: letter.Parent, To: addressOf(a.Parent), Language: a.Language, Path: "/parent/" + tokens[0], Until: until})
	})
	if err != nil {
		return fmt.Errorf("asking a parent: %w", err)
	}
	return nil
}

func addressOf(id subject.ID) string { return strings.TrimPrefix(string(id), subject.Email+":") }

// postFor queues a letter of which nothing is left when its time is over.
func (t *tx) postFor(l letter.Letter) error {
	id, err := t.post(l)
	if err != nil {
		return err
	}
	return t.exec(insertUnconfirmed, int(id[0]), id[:], millis(l.Until))
}

// dropMail deletes a mail whose time is over, and lets the key go under which
// remnants of it lie. It does nothing where there is no such mail.
func (t *tx) dropMail(id keyring.SubjectID) error {
	var found bool
	if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM mail WHERE shard_id = ? AND mail_id = ?)`, []any{id.Shard(), id[:]}, &found); err != nil || !found {
		return err
	}
	if err := t.exec(`DELETE FROM mail WHERE shard_id = ? AND mail_id = ?`, id.Shard(), id[:]); err != nil {
		return err
	}
	return t.exec(shredLater, int(id.Bucket()), millis(t.now), -millis(t.now))
}

// ParentAsked gives what the link in a parent's mail asks. One that was answered,
// is too old or is none of ours is fault.Denied, always the same.
func (db *DB) ParentAsked(ctx context.Context, token string) (ParentAsk, error) {
	p, err := db.Look(ctx, parentPass, token)
	if err != nil {
		return ParentAsk{}, err
	}
	return askIn(p)
}

func askIn(p Pass) (ParentAsk, error) {
	var s sealedAsk
	if err := json.Unmarshal(p.Data, &s); err != nil {
		return ParentAsk{}, fmt.Errorf("reading what a child asked: %w", err)
	}
	return ParentAsk{s.Child, p.Owner, s.Purposes, s.Language, s.Proved}, nil
}

// RefuseParent forgets what a child asked: the parent said no. Nothing is recorded.
func (db *DB) RefuseParent(ctx context.Context, token string) error {
	_, err := db.Use(ctx, parentPass, token, "")
	return err
}

// below writes down that a person is below the age at which a yes counts, and by
// which permissions of parents one counts nonetheless: none ends them all. It is
// a fact about the person, saved with the event that follows.
func (t *tx) below(p *person, permits []string) {
	p.facts.Child, p.facts.Permits = true, either(permits, nil)
}

// until writes down when a child is none any more, as the parent said who permits
// something: of several the latest counts. Where none said so it is when whoever was
// born today comes of the age.
func (t *tx) until(p *person, permit *request.Permit) {
	now := p.facts
	now.Child = now.Child && !now.Grown.IsZero()
	year := permit.Grown
	if year == 0 {
		year = t.now.Year() + t.known.inForce().Policy.Children.MinimumAge
	}
	_, p.facts.Grown = stillChild(now, Facts{Child: true, Grown: time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)}, t.now)
}
