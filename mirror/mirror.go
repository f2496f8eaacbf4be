// Package mirror keeps, in a company's own PostgreSQL, who is permitted for a
// purpose, so that a query that joins with it is right by construction. It asks
// the company door with a token, and so runs wherever both can be reached.
//
// What people query is a view that is empty unless it is known to be true: it
// shows a row only while its time has not run out, and only as long as the mirror
// has lately heard that nothing changed. So nothing has to happen for it to become a no: a
// mirror that is killed, cut off, or refused leaves an empty view behind, by the
// clock of the database that holds it.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/amana-privacy/amana/fault"
)

// Config is what a mirror needs. Zero values are replaced as said.
type Config struct {
	Server string // of the company door, http://127.0.0.1:8081
	Token  string // with the scope search:PURPOSE

	Purpose   string
	Data      []string // all of the purpose's if empty
	Recipient string
	Kind      string // email, phone, customer or device; any if ""

	Table string        // the view, as SCHEMA.NAME or NAME; what belongs to it lies beside it
	Bound time.Duration // for how long the view is believed after the last word from the door; 10 seconds if 0

	Silence time.Duration // after which a database that does not answer is given up; 30 seconds if 0

	Tell func(News) // hears what happens; nobody if nil
}

// News is something that happened.
type News struct {
	Event     string    `json:"event"`               // filling, current, changed, reset, lost
	Permitted int       `json:"permitted,omitempty"` // rows that were written
	Withdrawn int       `json:"withdrawn,omitempty"` // rows that were taken away
	Policy    string    `json:"policy,omitempty"`
	At        time.Time `json:"time"`
	Error     string    `json:"error,omitempty"`
}

// wait is for how long the door is asked to wait for a change; it is also how
// often it is heard that nothing changed.
const wait = time.Second

// Pauses after trouble.
const (
	shortest = 200 * time.Millisecond
	longest  = 5 * time.Second
)

// Mirror keeps one view. It is used by one goroutine.
type Mirror struct {
	Config
	names names
	door  *door
	dsn   *pgx.ConnConfig
	kept  bool // it had the view to itself once
}

// New makes a mirror into the database at an address.
func New(dsn string, c Config) (*Mirror, error) {
	if c.Bound == 0 {
		c.Bound = 10 * time.Second
	}
	if c.Silence == 0 {
		c.Silence = 30 * time.Second
	}
	if c.Tell == nil {
		c.Tell = func(News) {}
	}
	names, err := namesOf(c.Table)
	if err != nil {
		return nil, err
	}
	db, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the database's address is not like postgres://user@host/name") // the error may hold a password
	}
	db.RuntimeParams["application_name"] = "amana sync"
	if db.ConnectTimeout == 0 {
		db.ConnectTimeout = min(c.Silence, 10*time.Second)
	}
	return &Mirror{Config: c, names: names, door: newDoor(c), dsn: db}, nil
}

// Run keeps the view current until ctx is done. Trouble with the door or the
// database, which may be that it does not answer for Silence, is told and tried again, for ever; what trying again does not mend, a
// token that opens nothing or a table that is somebody else's, is its error.
func (m *Mirror) Run(ctx context.Context) error { return m.keep(ctx, false) }

// Once brings the view up to date, and leaves it to be believed for Bound. Trouble
// is its error.
func (m *Mirror) Once(ctx context.Context) error { return m.keep(ctx, true) }

func (m *Mirror) keep(ctx context.Context, once bool) error {
	pause := shortest
	for {
		err := m.session(ctx, once, func() { pause = shortest })
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil, once, final(err):
			return err
		}
		m.Tell(News{Event: "lost", At: time.Now(), Error: Plainly(err)})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// session works on one connection until something fails; well is called
// whenever something went well. While it lasts no other mirror keeps the same view.
func (m *Mirror) session(ctx context.Context, once bool, well func()) error {
	conn, err := pgx.ConnectConfig(ctx, m.dsn)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.Silence)
		defer cancel()
		conn.Close(ctx)
	}()
	t := &target{conn: conn, m: m}
	if err := answers(ctx, m.Silence, t.open); err != nil {
		return err
	}
	for {
		filling, err := m.turn(ctx, t)
		if err != nil {
			return err
		}
		well()
		if once && !filling && !t.behind {
			return nil
		}
	}
}

// turn asks for one page and applies it, in one transaction.
func (m *Mirror) turn(ctx context.Context, t *target) (filling bool, err error) {
	asked, err := t.clock(ctx)
	if err != nil {
		return false, err
	}
	page, err := m.door.ask(ctx, t.cursor, t.current)
	if fault.KindOf(err) == fault.Invalid && t.cursor != "" { // another server's, or of before its keys were changed
		page, err = permits{Reset: true, Filling: true}, nil
	}
	if err != nil {
		return false, err
	}
	news, err := t.apply(ctx, page, asked)
	if err != nil {
		return false, err
	}
	if news.Event != "" {
		news.Policy, news.At = page.Policy, time.Now()
		m.Tell(news)
	}
	return page.Filling, nil
}

// final reports whether trying again is of no use.
func final(err error) bool {
	switch fault.KindOf(err) {
	case fault.Denied, fault.Invalid, fault.Conflict, fault.Unknown:
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && len(pg.Code) == 5 && (pg.Code[:2] == "42" || pg.Code[:2] == "28") // no such right, no such thing; not who one says
}

// Plainly is an error without the address of the database.
func Plainly(err error) string {
	if c, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
			return "connecting to the database: " + pg.Message
		}
		_ = c
		return "the database cannot be reached"
	}
	return err.Error()
}

// Count counts who is permitted, and writes nothing.
func (m *Mirror) Count(ctx context.Context) (n int, err error) {
	for cursor := ""; ; {
		page, err := m.door.ask(ctx, cursor, false)
		if err != nil {
			return 0, err
		}
		if page.Reset {
			n = 0
		}
		for _, p := range page.Permits {
			if p.Allowed {
				n++
			}
		}
		if cursor = page.Next; !page.Filling {
			return n, nil
		}
	}
}
