package pgtest

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// commits are the ways in which a client may say COMMIT.
var commits = map[string]func(ctx context.Context, c *pgx.Conn) error{
	"simple": func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, " COMMIT and no chain")
		return err
	},
	"extended": func(ctx context.Context, c *pgx.Conn) error {
		return c.PgConn().ExecParams(ctx, "Commit", nil, nil, nil, nil).Read().Err
	},
	"prepared": func(ctx context.Context, c *pgx.Conn) error {
		return c.PgConn().ExecPrepared(ctx, "done", nil, nil, nil).Read().Err
	},
	"batch": func(ctx context.Context, c *pgx.Conn) error {
		b := &pgx.Batch{}
		b.Queue("insert into word values ($1)", "batch")
		b.Queue("commit")
		return c.SendBatch(ctx, b).Close()
	},
}

// begun is a transaction with a row in it, not yet committed, through the wire.
func begun(t *testing.T, w *Wire) *pgx.Conn {
	t.Helper()
	c := connect(t, w.DSN())
	run(t, c, "create table word (x text)")
	if _, err := c.Prepare(t.Context(), "done", "commit"); err != nil {
		t.Fatal(err)
	}
	run(t, c, "begin", "insert into word values ('row')")
	return c
}

func TestCommitThroughAWholeWire(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		for name, commit := range commits {
			t.Run(name, func(t *testing.T) {
				dsn := Database(t, which)
				if err := commit(t.Context(), begun(t, NewWire(t, dsn))); err != nil {
					t.Fatal(err)
				}
				if got := rows(t, connect(t, dsn), "select x from word"); got[0] != "row" {
					t.Errorf("got %v", got)
				}
			})
		}
	})
}

func TestCutBeforeCommitLosesIt(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		for name, commit := range commits {
			t.Run(name, func(t *testing.T) {
				dsn := Database(t, which)
				w := NewWire(t, dsn)
				c := begun(t, w)
				cut := w.CutBefore("commit")
				if commit(t.Context(), c) == nil {
					t.Error("the client got an answer")
				}
				happened(t, cut)
				direct := connect(t, dsn)
				run(t, direct, "begin", "lock table word") // waits until the server has noticed
				if got := rows(t, direct, "select x from word"); len(got) > 0 {
					t.Errorf("committed: %v", got)
				}
			})
		}
	})
}

func TestCutAfterCommitLosesTheAnswerAlone(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		for name, commit := range commits {
			t.Run(name, func(t *testing.T) {
				dsn := Database(t, which)
				w := NewWire(t, dsn)
				c := begun(t, w)
				cut := w.CutAfter("commit")
				if commit(t.Context(), c) == nil {
					t.Error("the client got an answer")
				}
				happened(t, cut)
				if got := rows(t, connect(t, dsn), "select x from word"); len(got) == 0 || got[0] != "row" {
					t.Errorf("committed: %v", got)
				}
			})
		}
	})
}

func TestCutActsOnceAndOnItsStatementAlone(t *testing.T) {
	w := NewWire(t, Database(t, "15"))
	cut := w.CutBefore("commit")
	c := connect(t, w.DSN())
	run(t, c, "create table word (x text)", "insert into word values ('commit')")
	select {
	case <-cut:
		t.Fatal("cut without a commit")
	default:
	}
	if _, err := c.Exec(t.Context(), "commit"); err == nil {
		t.Error("not cut")
	}
	run(t, connect(t, w.DSN()), "begin", "commit")
}

func TestCutNowAndRefuse(t *testing.T) {
	w := NewWire(t, Database(t, "15"))
	c, stays := connect(t, w.DSN()), connect(t, w.DSN())
	w.CutNow()
	for _, c := range []*pgx.Conn{c, stays} {
		if _, err := c.Exec(t.Context(), "select 1"); err == nil {
			t.Error("the connection is whole")
		}
	}
	stays = connect(t, w.DSN())
	w.Refuse()
	if _, err := pgx.Connect(t.Context(), w.DSN()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
	run(t, stays, "select 1")
	w.Accept(t)
	run(t, connect(t, w.DSN()), "select 1")
}

func TestWireCarriesWhatIsLarge(t *testing.T) {
	c := connect(t, NewWire(t, Database(t, "18")).DSN())
	run(t, c, "create table word (x text)")
	var all [][]any
	for range 1000 {
		all = append(all, []any{"كلمة"})
	}
	if _, err := c.CopyFrom(t.Context(), pgx.Identifier{"word"}, []string{"x"}, pgx.CopyFromRows(all)); err != nil {
		t.Fatal(err)
	}
	got := rows(t, c, "select string_agg(repeat(x, 1000), '') from word")
	if d := cmp.Diff(1000*1000*len("كلمة"), len(got[0])); d != "" {
		t.Error(d)
	}
	run(t, c, "begin", "commit")
}

// happened waits for what an order promises.
func happened(t *testing.T, cut <-chan struct{}) {
	t.Helper()
	select {
	case <-cut:
	case <-time.After(time.Minute):
		t.Fatal("the statement was not found")
	}
}

func TestHeldStatementWaits(t *testing.T) {
	dsn := Database(t, "18")
	w := NewWire(t, dsn)
	c := begun(t, w)
	w.Heard()
	held, release := w.Hold("commit")
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), "commit")
		ended <- err
	}()
	happened(t, held)
	if got := rows(t, connect(t, dsn), "select x from word"); len(got) > 0 {
		t.Errorf("committed: %v", got)
	}
	release()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := rows(t, connect(t, dsn), "select x from word"); len(got) == 0 || got[0] != "row" {
		t.Errorf("committed: %v", got)
	}
	if d := cmp.Diff([]string{"commit"}, w.Heard()); d != "" {
		t.Error(d)
	}
}

func TestHeldStatementGoesWithTheTest(t *testing.T) {
	dsn := Database(t, "15")
	t.Run("held", func(t *testing.T) {
		w := NewWire(t, dsn)
		c, err := pgx.Connect(t.Context(), w.DSN()) // closed by whoever waits on it
		if err != nil {
			t.Fatal(err)
		}
		run(t, c, "begin")
		held, _ := w.Hold("commit")
		go func() {
			c.Exec(context.WithoutCancel(t.Context()), "commit")
			c.Close(context.Background())
		}()
		happened(t, held)
	})
}
