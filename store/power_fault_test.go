package store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/internal/powerloss"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// lifeOf names, in the environment, the program that the tests' own binary runs
// instead of them: SQLite's synchronous, a bar, the folder.
const lifeOf = "AMANA_STORE_LIFE"

func TestMain(m *testing.M) {
	synchronous, dir, child := strings.Cut(os.Getenv(lifeOf), "|")
	if !child {
		os.Exit(m.Run())
	}
	for i, p := range sqlitePragmas {
		if strings.HasPrefix(p, "synchronous") {
			sqlitePragmas[i] = "synchronous(" + synchronous + ")"
		}
	}
	l := &life{dir: dir, ctx: context.Background()}
	if err := l.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// life is what an installation goes through: it is made, records answers from
// several callers, publishes, erases and destroys keys, hands its log over. It
// says each thing once it was told that it is done.
type life struct {
	dir  string
	ctx  context.Context
	ring *keyring.Ring
	db   *DB
}

// say writes a line as one call.
func say(words ...string) { os.Stdout.WriteString(strings.Join(words, " ") + "\n") }

func (l *life) run() error {
	for _, step := range []func() error{l.make, l.busily(l.publish), l.busily(l.erase), l.busily(l.handOver), l.erase} {
		if err := step(); err != nil {
			return err
		}
	}
	return l.db.Close()
}

// make makes the installation as the program does: its keyring lies elsewhere
// until there is a database.
func (l *life) make() (err error) {
	fresh := filepath.Join(l.dir, "keys.new")
	if l.ring, err = keyring.Create(fresh, "casco.example/log"); err != nil {
		return err
	}
	if l.db, err = Open(l.ctx, lifeConfig(l.dir, l.ring, true)); err != nil {
		return err
	}
	if err := l.ring.Move(filepath.Join(l.dir, "keys")); err != nil {
		return err
	}
	if err := l.publish(); err != nil {
		return err
	}
	say("made")
	return nil
}

func lifeConfig(dir string, ring *keyring.Ring, create bool) Config {
	return Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: create, Now: time.Now,
		TakeBack: func(l string) (string, string) { return "https://casco.example/" + l + "/choices", "one click" }}
}

// busily does a thing while callers record.
func (l *life) busily(do func() error) func() error {
	return func() error {
		errs := make(chan error, 9)
		var callers sync.WaitGroup
		for c := range 8 {
			callers.Go(func() { errs <- l.record(c) })
		}
		errs <- do()
		callers.Wait()
		close(errs)
		var err error
		for e := range errs {
			err = errors.Join(err, e)
		}
		return err
	}
}

func (l *life) record(caller int) error {
	for i := range 4 {
		id := subject.ID(fmt.Sprintf("customer:%d", (caller*4+i)%20))
		r, err := l.db.Record(l.ctx, answer(id, "tailored_offers", []consent.Answer{consent.Given, consent.Withdrawn}[i%2]))
		if err != nil {
			return err
		}
		say("recorded", r[0].ID, base64.StdEncoding.EncodeToString([]byte(l.db.Checkpoint())))
	}
	return nil
}

// publish publishes one more edition of the policy.
func (l *life) publish() error {
	src, err := fs.ReadFile(examples.FS, "casco-fiber/amana.yaml")
	if err != nil {
		return err
	}
	edited := strings.Replace(string(src), "Once a month we write", fmt.Sprintf("Once in %d months we write", 2+len(l.db.Versions())), 1)
	doc, findings := policy.Read("amana.yaml", []byte(edited))
	if len(findings) > 0 {
		return fmt.Errorf("%v", findings)
	}
	v, err := l.db.Publish(l.ctx, doc, nil, "Mona Haddad")
	if err == nil {
		say("published", string(v.ID))
	}
	return err
}

// erase erases somebody, and destroys the keys that opened what was theirs.
func (l *life) erase() error {
	id := subject.ID(fmt.Sprintf("email:%x@example.com", rand.Uint64()))
	if _, err := l.db.Record(l.ctx, answer(id, "offers", consent.Given)); err != nil {
		return err
	}
	p, err := l.db.lookup(l.db.reader(l.ctx), id)
	if err != nil {
		return err
	}
	r, err := l.db.Erase(l.ctx, id, BySubject)
	if err != nil {
		return err
	}
	say("erased", string(id), r.IDs()[0])
	if err := l.db.Shred(l.ctx); err != nil {
		return err
	}
	say("shredded", hex.EncodeToString(p.id[:]), hex.EncodeToString(p.wrapped.Data), hex.EncodeToString(p.wrapped.Evidence))
	return nil
}

func (l *life) handOver() error {
	h, err := l.db.HandOver(l.ctx)
	if err == nil {
		say("handed over to", h.To)
	}
	return err
}

// afterwards is an installation as it is found when the power is back.
type afterwards struct {
	ctx  context.Context
	ring *keyring.Ring
	db   *DB
}

// keeps holds an image to everything that had been said by then.
func keeps(ctx context.Context, image powerloss.Image) (err error) {
	if !strings.Contains(image.Output, "made\n") {
		return nil // the first start was cut short, and no door was open yet
	}
	ring, err := keyring.Open(filepath.Join(image.Dir, "keys"))
	if err != nil {
		return err
	}
	db, err := Open(ctx, lifeConfig(image.Dir, ring, false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Check(ctx); err != nil {
		return err
	}
	a := afterwards{ctx, ring, db}
	for line := range strings.Lines(image.Output) {
		said := strings.Fields(line)
		held := map[string]func([]string) error{"recorded": a.recorded, "published": a.published, "erased": a.erased, "shredded": a.shredded, "handed": a.handed}[said[0]]
		if held == nil {
			continue
		}
		if err := held(said[1:]); err != nil {
			return fmt.Errorf("%s was said: %w", said[0], err)
		}
	}
	return nil
}

// recorded looks for an event with its proof, and for the head that was signed by then.
func (a afterwards) recorded(said []string) error {
	list, err := a.db.Receipts(a.ctx, said[:1])
	if err != nil {
		return err
	}
	if list[0].Proof == nil {
		return errors.New("its proof is gone")
	}
	signed, err := base64.StdEncoding.DecodeString(said[1])
	if err != nil {
		return err
	}
	c, _, err := ledger.ReadHead(string(signed))
	if err != nil {
		return err
	}
	root, err := a.db.tree.Load().Root(c.Size)
	if err != nil {
		return fmt.Errorf("a head of %d entries was signed: %w", c.Size, err)
	}
	if root != c.Root {
		return fmt.Errorf("the log has forked at %d entries", c.Size)
	}
	return nil
}

func (a afterwards) published(said []string) error {
	if a.db.Version(policy.VersionID(said[0])) == nil {
		return errors.New("the version is gone")
	}
	return nil
}

func (a afterwards) erased(said []string) error {
	if d, err := a.db.Decide(a.ctx, subject.ID(said[0]), decision.Question{Purpose: "offers"}); err != nil || d.Reason != decision.Erased {
		return fmt.Errorf("decided %s, %w", d.Reason, err)
	}
	return nil
}

// shredded tries what a thief has kept of an erased subject's row.
func (a afterwards) shredded(said []string) error {
	var raw [3][]byte
	for i := range raw {
		var err error
		if raw[i], err = hex.DecodeString(said[i]); err != nil {
			return err
		}
	}
	if _, err := a.ring.Unwrap(keyring.SubjectID(raw[0]), keyring.Wrapped{Data: raw[1], Evidence: raw[2]}); !errors.Is(err, keyring.ErrNoKey) {
		return fmt.Errorf("a key that was destroyed is back: %v", err)
	}
	return nil
}

func (a afterwards) handed(said []string) error {
	if a.db.LogKey() != said[len(said)-1] {
		return errors.New("the log has its old key")
	}
	return nil
}

// lived gives the trace of a life.
func lived(t *testing.T, synchronous string) *powerloss.Log {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), lifeOf+"="+synchronous+"|"+dir)
	c.Stderr = os.Stderr
	return powerloss.Trace(t, c, dir)
}

func TestAPowerLossAtAnyMomentKeepsWhatWasSaid(t *testing.T) {
	t.Parallel()
	for life := range count(1, 6) {
		seed := rand.Uint64()
		for image := range lived(t, "FULL").Images(rand.New(rand.NewPCG(seed, 0)), count(40, 500)) {
			if err := keeps(t.Context(), image); err != nil {
				t.Errorf("life %d, seed %d, cut %d: %v", life, seed, image.Cut, err)
			}
		}
	}
}

// Were nothing found here, the test above would prove nothing.
func TestAPowerLossWithoutSyncsIsNoticed(t *testing.T) {
	t.Parallel()
	lost := 0
	for image := range lived(t, "OFF").Images(rand.New(rand.NewPCG(rand.Uint64(), 0)), count(20, 200)) {
		if err := keeps(t.Context(), image); err != nil {
			lost++
			t.Log(err)
		}
	}
	if lost == 0 {
		t.Error("no image has lost anything")
	}
}
