package audit

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// errMissing says that an address is not there: the server answered so.
var errMissing = errors.New("it is not served")

// source is a published log as it is fetched. It is safe for concurrent use.
type source struct {
	site, log string // without a slash at the end
	http      *http.Client
	wait      time.Duration // before a second try

	mu    sync.Mutex
	tiles map[string][]byte // full tiles that were proved to be in the log; guarded by mu
}

// maxTiles bounds the tiles in memory, 8 KiB each.
const maxTiles = 4096

// newSource takes the address of the public door, or that of the log below it.
func newSource(address string, client *http.Client) (*source, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is not like https://privacy.example.com", address)
	}
	site := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/log"), "/")
	return &source{site: site, log: site + "/log", http: client, wait: 200 * time.Millisecond, tiles: map[string][]byte{}}, nil
}

// get reads an address into buf[:0], at most limit bytes. What the server says
// is not there is errMissing; anything else that goes wrong is tried again twice.
func (s *source) get(ctx context.Context, address string, buf []byte, limit int, fresh bool) ([]byte, error) {
	for try := 0; ; try++ {
		body, again, err := s.once(ctx, address, buf, limit, fresh)
		if err == nil || !again || try == 2 {
			return body, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(s.wait << try):
		}
	}
}

func (s *source) once(ctx context.Context, address string, buf []byte, limit int, fresh bool) (body []byte, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false, err
	}
	if fresh {
		req.Header.Set("Cache-Control", "no-cache")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, ctx.Err() == nil, fmt.Errorf("fetching: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, false, errMissing
	case resp.StatusCode != http.StatusOK:
		return nil, resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("%s answered %s", address, resp.Status)
	}
	in, err := unpacked(resp)
	if err == nil {
		body, err = whole(in, buf, limit)
	}
	if errors.Is(err, errTooLong) {
		return nil, false, fmt.Errorf("%s has more than %d bytes", address, limit)
	}
	if err != nil {
		return nil, true, fmt.Errorf("fetching %s: %w", address, err)
	}
	return body, false, nil
}

// unpacked gives what an answer holds. Nothing is asked for pressed, and yet some
// keep it so and send it so. A page for people, such as who stands between may show
// in the place of anything, is no part of a log and says nothing of it.
func unpacked(resp *http.Response) (io.Reader, error) {
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return nil, errors.New("a page for people came in its place")
	}
	switch form := resp.Header.Get("Content-Encoding"); form {
	case "", "identity":
		return resp.Body, nil
	case "gzip":
		return gzip.NewReader(resp.Body)
	default:
		return nil, fmt.Errorf("it is encoded as %q, which nobody asked for", form)
	}
}

var errTooLong = errors.New("too long")

// whole reads all there is into buf[:0]; more than limit bytes are errTooLong. What
// broke off is an error: it must not be taken for all there is.
func whole(r io.Reader, buf []byte, limit int) ([]byte, error) {
	body := slices.Grow(buf[:0], limit+1)[:limit+1]
	for n := 0; ; {
		more, err := r.Read(body[n:])
		switch n += more; {
		case n > limit:
			return nil, errTooLong
		case err == io.EOF:
			return body[:n], nil
		case err != nil:
			return nil, err
		}
	}
}

// tile fetches a tile. A log may have let go of a partial tile for the full
// one (tlog-tiles); then its beginning is taken.
func (s *source) tile(ctx context.Context, t ledger.Tile, buf []byte) ([]byte, error) {
	each := tlog.HashSize
	if t.Level == ledger.EntriesLevel {
		each += 2
	}
	body, err := s.get(ctx, s.log+"/"+t.Path(), buf, ledger.Width*each, false)
	if errors.Is(err, errMissing) && t.Width < ledger.Width {
		whole := ledger.Tile{Level: t.Level, N: t.N, Width: ledger.Width}
		if body, err = s.get(ctx, s.log+"/"+whole.Path(), buf, ledger.Width*each, false); err == nil && len(body) == ledger.Width*each {
			body = body[:t.Width*each]
		}
	}
	return body, err
}

// reader reads tiles for golang.org/x/mod, which proves each to be in the log.
type reader struct {
	ctx context.Context
	*source
}

func (reader) Height() int { return 8 }

func (r reader) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, t := range list {
		name := ledger.Tile{Level: t.L, N: t.N, Width: t.W}
		r.mu.Lock()
		kept, ok := r.tiles[name.Path()]
		r.mu.Unlock()
		if ok {
			out[i] = kept
			continue
		}
		body, err := r.tile(r.ctx, name, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name.Path(), err)
		}
		if len(body) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: it has %d bytes: %w", name.Path(), len(body), errMissing)
		}
		out[i] = body
	}
	return out, nil
}

func (r reader) SaveTiles(list []tlog.Tile, data [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, t := range list {
		if t.W != ledger.Width {
			continue
		}
		if len(r.tiles) >= maxTiles {
			clear(r.tiles)
		}
		r.tiles[ledger.Tile{Level: t.L, N: t.N, Width: t.W}.Path()] = data[i]
	}
}
