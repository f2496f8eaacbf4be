package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/transfer"
)

func runImportExport(ctx context.Context, e env, args []string) error {
	fs := find("import export").flags(e)
	var at place
	at.flags(fs, "amana-data")
	url := fs.String("public-url", "", "where customers will find the hosted pages; receipts say so (AMANA_PUBLIC_URL)")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 {
		return errors.New("say which export: amana import export everything.ndjson.gz --dir NEW --public-url https://privacy.example.com")
	}
	in, size, err := openInput(ctx, e, operands[0])
	if err != nil {
		return no(err)
	}
	defer in.Close()
	if err := beforehand(e, in, size, whole); err != nil {
		return no(fmt.Errorf("%s: %w; nothing was written", operands[0], err))
	}
	bar := newProgress(e.stderr, "moving persons", size)
	s := stream{in: counting(in, bar), news: func(raw json.RawMessage) error { return so(raw, bar) }}
	out, err := move(ctx, at, orEnv(*url, "AMANA_PUBLIC_URL"), s)
	bar.done()
	if err != nil {
		return no(err)
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(out)
	}
	fmt.Fprintf(e.stdout, "%s moved\n", lang.Count(out.Moved, "person", "persons"))
	for what, n := range map[string]int{"known here already, and left as they are": out.Standing, "erased here, and left so": out.Erased} {
		if n > 0 {
			fmt.Fprintf(e.stdout, "%d %s\n", n, what)
		}
	}
	return nil
}

// whole reads an export to its end.
func whole(in io.Reader) error {
	for _, err := range transfer.Lines(in) {
		if err != nil {
			return err
		}
	}
	return nil
}

// moved is what an export came to. Persons is how many of it were read.
type moved struct {
	Persons  int `json:"persons"`
	Moved    int `json:"moved"`
	Standing int `json:"standing"`
	Erased   int `json:"erased"`
}

// move takes an export in: into the server that runs on the folder, into the
// installation that is there, or into a new one, whose log has a name of its own.
func move(ctx context.Context, at place, publicURL string, s stream) (moved, error) {
	socket := filepath.Join(at.dir, "control.sock")
	if conn, err := net.Dial("unix", socket); err == nil {
		conn.Close()
		return remote{socket}.Move(ctx, struct{}{}, s)
	}
	if publicURL == "" {
		return moved{}, errors.New("receipts say where an answer is taken back: say --public-url https://…")
	}
	next, stop := iter.Pull2(transfer.Lines(s.in))
	defer stop()
	head, err, _ := next()
	if err != nil {
		return moved{}, err
	}
	in, err := openLog(ctx, at.environment(), publicURL, head.Head.Log+time.Now().UTC().Format("-20060102"))
	if err != nil {
		return moved{}, err
	}
	out, err := (&mover{db: in.db, s: s, log: head.Head.Log}).all(ctx, next)
	return out, errors.Join(err, in.close())
}

// Move takes an export in, which follows.
func (l local) Move(ctx context.Context, _ struct{}, s stream) (moved, error) {
	next, stop := iter.Pull2(transfer.Lines(s.in))
	defer stop()
	head, err, _ := next()
	if err != nil {
		return moved{}, err
	}
	return (&mover{db: l.in.db, s: s, log: head.Head.Log}).all(ctx, next)
}

func (r remote) Move(ctx context.Context, in struct{}, s stream) (out moved, err error) {
	return out, r.stream(ctx, "/move", in, s, &out)
}

// mover moves an installation, line by line.
type mover struct {
	db       *store.DB
	s        stream
	log      string // of the other installation
	policies []transfer.Publication
	started  bool // the policies are there
	people   []moving
	out      moved
}

// moving is a person on the way.
type moving struct {
	who      transfer.Person
	receipts []receipt.Receipt
}

// movingAtOnce is how many persons share a commit.
const movingAtOnce = 500

func (m *mover) all(ctx context.Context, next func() (transfer.Line, error, bool)) (moved, error) {
	for {
		l, err, more := next()
		if err == nil && more {
			err = m.take(ctx, l)
		}
		if err != nil {
			return m.out, err
		}
		if !more {
			return m.out, nil
		}
	}
}

func (m *mover) take(ctx context.Context, l transfer.Line) error {
	if l.Publication != nil {
		m.policies = append(m.policies, *l.Publication)
		return nil
	}
	if !m.started {
		m.started = true
		if err := m.db.MovePolicies(ctx, m.policies); err != nil {
			return err
		}
	}
	switch {
	case l.Evidence != nil:
		return m.db.MoveEvidence(ctx, *l.Evidence)
	case l.Refusals != nil:
		return m.db.MoveRefusals(ctx, *l.Refusals)
	case l.Stops != nil:
		return m.db.MoveStops(ctx, *l.Stops)
	case l.Receipt != nil:
		last := &m.people[len(m.people)-1]
		last.receipts = append(last.receipts, *l.Receipt)
		return nil
	case l.Person != nil && len(m.people) >= movingAtOnce, l.End != nil:
		if err := m.flush(ctx); err != nil {
			return err
		}
	}
	if l.Person != nil {
		m.people = append(m.people, moving{who: *l.Person})
	}
	return nil
}

// flush writes the persons that were gathered.
func (m *mover) flush(ctx context.Context) error {
	outcomes, errs := make([]store.Outcome, len(m.people)), make([]error, len(m.people))
	var wg sync.WaitGroup
	for i, p := range m.people {
		wg.Go(func() { outcomes[i], errs[i] = m.db.Move(ctx, m.log, p.who, p.receipts) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return &fault.Error{Kind: fault.KindOf(err), Words: fmt.Sprintf("person %d of the export", m.out.Persons+i+1), Err: err}
		}
	}
	for _, o := range outcomes {
		switch m.out.Persons++; o {
		case store.Taken:
			m.out.Moved++
		case store.Standing:
			m.out.Standing++
		default:
			m.out.Erased++
		}
	}
	m.people = m.people[:0]
	return m.s.tell(m.out)
}
