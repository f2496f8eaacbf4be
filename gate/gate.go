// Package gate reads, in a company's own web program, what a visitor allowed:
// one call on a request, without asking anybody.
//
//	g, err := gate.Open(ctx, "https://privacy.example.com")
//	go g.Run(ctx, time.Minute)
//	if g.Allows(r, "analytics") { … }
//	http.ListenAndServe(addr, g.Handler(policyOfContents, mux))
//
// It knows the policy by the manifest of the public door (/amana.json) and the
// visitor by the cookie. What was withdrawn by another way than this browser it
// cannot know: for that, ask the company door.
package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Gate is safe for concurrent use.
type Gate struct {
	// Now is the clock; time.Now where it is nil. Set it before anything else.
	Now func() time.Time
	// Client fetches from the door; http.DefaultClient where it is nil.
	Client *http.Client

	door string
	know atomic.Pointer[knowledge]
}

// knowledge is what the door said last.
type knowledge struct {
	Switches  []string         `json:"switches"`
	Revisions map[string][]bit `json:"revisions"`
	Scripts   map[string]any   `json:"scripts"` // by language
	forms     map[string]template.HTML
}

// bit is one bit of the cookie's set.
type bit struct {
	Switch  string `json:"switch"`
	Days    int    `json:"days"`
	Heeds   bool   `json:"heeds"`
	Against string `json:"against"`
}

// Open asks the public door for what has to be known.
func Open(ctx context.Context, door string) (*Gate, error) {
	g := &Gate{door: strings.TrimSuffix(door, "/")}
	return g, g.load(ctx)
}

// Run asks again, every so often, until ctx is done. Where the door does not
// answer, what it said last holds.
func (g *Gate) Run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = g.load(ctx) // the next turn tries again
		}
	}
}

// patience is how long the door may take to say what has to be known.
const patience = 30 * time.Second

func (g *Gate) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	raw, err := g.fetch(ctx, "/amana.json")
	if err != nil {
		return err
	}
	k := &knowledge{forms: map[string]template.HTML{}}
	if err := json.Unmarshal(raw, k); err != nil {
		return fmt.Errorf("reading the manifest of %s: %w", g.door, err)
	}
	for language := range k.Scripts {
		form, err := g.fetch(ctx, "/"+language+"/banner.html")
		if err != nil {
			return err
		}
		k.forms[language] = template.HTML(form)
	}
	g.know.Store(k)
	return nil
}

func (g *Gate) fetch(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.door+path, nil)
	if err != nil {
		return nil, err
	}
	client := g.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s%s answers %s", g.door, path, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// NoScript gives the questions as a form for browsers without script, to be put
// into a page of that language; "" where the policy is not in it. Sent, it leads
// back to the page, whose address begins with one of the company's sites.
func (g *Gate) NoScript(language, page string) template.HTML {
	const back = `name="back" value="`
	return template.HTML(strings.Replace(string(g.know.Load().forms[language]), back, back+template.HTMLEscapeString(page), 1))
}

// Allows reports whether the visitor said yes to a switch (PURPOSE or
// PURPOSE/RECIPIENT) and the yes counts now.
func (g *Gate) Allows(r *http.Request, id string) bool { return slices.Contains(g.Granted(r), id) }

// Granted gives every switch that counts now. No cookie, or one that is none of
// ours, is a no to everything.
func (g *Gate) Granted(r *http.Request) []string {
	now := time.Now
	if g.Now != nil {
		now = g.Now
	}
	gpc := slices.Contains(r.Header.Values("Sec-GPC"), "1")
	var granted []string
	for _, c := range r.CookiesNamed("amana") {
		if strings.HasSuffix(c.Value, ".u") {
			return nil // taken back, and the server has not heard yet
		}
		if granted == nil {
			granted = g.know.Load().granted(c.Value, gpc, now())
		}
	}
	return granted
}

// granted reads 1.REVISION.SET.TIME.ID.
func (k *knowledge) granted(value string, gpc bool, now time.Time) []string {
	part := strings.Split(value, ".")
	if len(part) != 5 || part[0] != "1" {
		return nil
	}
	seconds, err := strconv.ParseInt(part[3], 36, 64)
	if err != nil {
		return nil
	}
	said, against := map[string]bool{}, map[string]bool{}
	bits := k.Revisions[part[1]]
	for i, b := range bits {
		switch {
		case !has(part[2], i):
		case b.Against != "":
			against[b.Against] = true
		case b.Switch != "" && now.Unix() < seconds+int64(b.Days)*86400:
			said[b.Switch] = true
		}
	}
	var list []string
	for _, b := range bits {
		purpose, _, _ := strings.Cut(b.Switch, "/")
		if said[b.Switch] && said[purpose] && !(gpc && b.Heeds && !against[purpose]) {
			list = append(list, b.Switch)
		}
	}
	return list
}

// has reports whether a bit of hex digits is set, the lowest one last.
func has(digits string, n int) bool {
	i := len(digits) - 1 - n/4
	if i < 0 {
		return false
	}
	v, err := strconv.ParseUint(digits[i:i+1], 16, 8)
	return err == nil && v>>(n%4)&1 == 1
}
