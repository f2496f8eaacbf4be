package follower

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/table"
)

// beginning is what a server says before its feed.
type beginning struct {
	Origin      string          `json:"origin"`
	Epoch       string          `json:"epoch"`
	Hello       string          `json:"hello"`
	Tags        []byte          `json:"tags"`
	Suppression []byte          `json:"suppression"`
	Signers     []ledger.Signer `json:"signers"`
}

// mostSaid bounds what a server says at once, in bytes.
const mostSaid = 256 << 20

// once begins, and follows until something breaks.
func (f *Follower) once(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	if f.replica.Position() == nil {
		f.fromFile()
	}
	if f.replica.Position() == nil {
		if err := f.load(ctx); err != nil {
			return err
		}
	}
	err := f.listen(ctx)
	late := f.handed && errors.Is(err, feed.ErrUnsigned) // rows that the old key signed were not here yet
	if late || errors.Is(err, errGone) || errors.Is(err, feed.ErrEpoch) || errors.Is(err, feed.ErrGap) {
		if again := f.load(ctx); again != nil {
			return errors.Join(err, again)
		}
	}
	return err
}

// begin asks which feed there is, and makes ready to follow that one.
func (f *Follower) begin(ctx context.Context) (err error) {
	ctx, _, end := within(ctx, helloWithin, errNoHello)
	defer end(&err)
	nonce := rand.Text()
	resp, err := f.get(ctx, "/v1/feed", url.Values{"nonce": {nonce}}, "application/json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var said struct {
		Beginning *beginning `json:"beginning"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&said); err != nil {
		return fmt.Errorf("reading the beginning of the feed: %w", err)
	}
	if said.Beginning == nil {
		return errors.New("the server says nothing of its feed")
	}
	return f.meet(*said.Beginning, nonce)
}

// meet takes the beginning of a feed, if it is signed by a key that is trusted.
func (f *Follower) meet(b beginning, nonce string) error {
	key, err := f.trusted(b.Signers)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	hello, err := feed.OpenHello([]byte(b.Hello), verifier)
	if err != nil {
		return err
	}
	if hello.Nonce != nonce || hello.Epoch != b.Epoch || hello.Origin != b.Origin {
		return fmt.Errorf("the beginning of the feed: %w", feed.ErrUnsigned)
	}
	if len(b.Tags) != 32 || len(b.Suppression) != 32 {
		return errors.New("the server does not tell the keys of its tags")
	}
	if !feed.OfKeys(b.Epoch, [32]byte(b.Tags), [32]byte(b.Suppression)) {
		return fmt.Errorf("the keys that the server tells are not those of its feed: %w", feed.ErrUnsigned)
	}
	secret := string(b.Tags) + string(b.Suppression)
	if f.replica != nil && f.secret == secret {
		if f.pinned != key { // handed over: what is here stays
			f.replica.Trust(verifier)
			f.pinned, f.handed = key, true
		}
		return nil
	}
	if f.replica != nil {
		f.last = memory{f.replica.Newest(), f.replica.Seen}
	}
	fresh := table.New(table.KeyFrom([32]byte(b.Tags)), table.Rules{}, time.Now())
	f.replica = feed.NewReplica(fresh, b.Origin, verifier, f.last.Head)
	f.replica.Seen = f.last.Seen
	f.replica.Tags, f.replica.Suppression = [32]byte(b.Tags), [32]byte(b.Suppression)
	f.secret, f.pinned, f.fresh = secret, key, fresh
	return nil
}

// trusted gives the key that signs now: the pinned one, or one that the log's key
// was handed over to since, by hand-overs that both signed.
func (f *Follower) trusted(signers []ledger.Signer) (string, error) {
	terms, err := ledger.Succession(signers)
	if err != nil {
		return "", fmt.Errorf("reading the keys of the log: %w", err)
	}
	if f.pinned == "" {
		return terms[len(terms)-1].Key, nil
	}
	for _, t := range terms {
		if t.Key == f.pinned {
			return terms[len(terms)-1].Key, nil
		}
	}
	return "", fmt.Errorf("the server's log has another key than the one that is pinned: %w", feed.ErrUnsigned)
}

// load loads a snapshot; the table that answers goes on until it is found whole.
func (f *Follower) load(ctx context.Context) error {
	return f.fetch(ctx, func(body io.Reader) error {
		copied, failed := f.copying()
		if copied != nil {
			body = io.TeeReader(body, copied)
		}
		if err := f.replica.Load(body, time.Now()); err != nil {
			copied.drop()
			return err
		}
		if failed = errors.Join(failed, copied.keep()); failed == nil {
			f.saved = time.Now()
		} else { // it is tried again beside the following, which goes on
			f.Log.Warn("the snapshot could not be kept", "error", failed)
		}
		return nil
	})
}

// shown makes what the replica holds what the follower answers from, as soon as it
// is not stale: until then the table of before answers, for as long as its own
// heads let it.
func (f *Follower) shown() {
	if f.fresh != nil && !f.fresh.Stale(time.Now()) {
		f.table.Store(f.fresh)
		f.fresh = nil
	}
}

// current reports whether what the server said last is answered from, and not stale.
func (f *Follower) current() bool {
	t := f.table.Load()
	return f.fresh == nil && t != nil && !t.Stale(time.Now())
}

// listen follows the feed until it breaks off. The age of its heads is reckoned
// from a hello of its own.
func (f *Follower) listen(ctx context.Context) (err error) {
	ctx, behind, upToDate := within(ctx, lag, errLags)
	defer upToDate(&err)
	ctx, quiet, heard := within(ctx, silence, errSilent)
	defer heard(&err)
	nonce, sent := rand.Text(), time.Now()
	query := url.Values{"nonce": {nonce}, "epoch": {f.replica.Last().Epoch}, "after": {strconv.FormatUint(f.replica.Last().Number, 10)}}
	resp, err := f.get(ctx, "/v1/feed", query, "text/event-stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	r := bufio.NewReaderSize(resp.Body, 1<<16)
	for {
		name, data, err := event(r)
		if err != nil {
			return fmt.Errorf("the feed broke off: %w", err)
		}
		switch name {
		case "beginning":
			err = f.greet(data, nonce, sent)
		case "batch":
			quiet.Reset(silence)
			err = f.apply(data)
		}
		if err != nil {
			return err
		}
		if f.current() {
			behind.Reset(lag)
		}
	}
}

func (f *Follower) greet(data []byte, nonce string, sent time.Time) error {
	var b beginning
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("reading the beginning of the feed: %w", err)
	}
	return f.replica.Greet([]byte(b.Hello), nonce, sent)
}

func (f *Follower) apply(data []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, data)
	if err != nil {
		return fmt.Errorf("reading a batch of the feed: %w", err)
	}
	before := f.replica.Last().Number
	if err := f.replica.Apply(raw, time.Now()); err != nil {
		return err
	}
	if f.replica.Last().Number == before {
		return errSilent // the same once more is nothing
	}
	f.handed = false
	f.shown()
	if f.current() {
		f.well = true
		f.trouble(nil)
	} else {
		f.trouble(errLags)
	}
	f.refresh()
	return nil
}

// event reads one server-sent event.
func event(r *bufio.Reader) (name string, data []byte, err error) {
	for {
		line, err := longLine(r)
		if err != nil {
			return "", nil, err
		}
		switch line = bytes.TrimSuffix(line, []byte("\r")); {
		case len(line) == 0 && name != "":
			return name, data, nil
		case bytes.HasPrefix(line, []byte("event: ")):
			name = string(line[7:])
		case bytes.HasPrefix(line, []byte("data: ")):
			data = bytes.Clone(line[6:])
		}
	}
}

// longLine reads a line without its end.
func longLine(r *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && whole == nil {
			return part[:len(part)-1], nil
		}
		if whole = append(whole, part...); len(whole) > mostSaid {
			return nil, errors.New("the server says too much at once")
		}
		if err == nil {
			return whole[:len(whole)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}
