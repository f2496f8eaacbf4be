package web

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/store"
)

// answers lets a customer say yes n times over, so that the log grows.
func (w *world) answers(n int) {
	w.t.Helper()
	for range n {
		w.visitor().post("/en/choices", url.Values{"choice": {"accept"}})
	}
}

func TestTheLogIsForEverybody(t *testing.T) {
	w := open(t, "casco-fiber")
	w.answers(2)
	v := w.visitor()
	head, err := ledger.OpenCheckpoint(v.see("/log/checkpoint"), w.db.LogKey())
	if err != nil || head.Size < 3 {
		t.Fatalf("%+v, %v", head, err)
	}
	tile, _ := ledger.TileAt(0, 0, head.Size)
	bundle, _ := ledger.TileAt(ledger.EntriesLevel, 0, head.Size)
	entries, err := ledger.ParseEntries(nil, []byte(v.see("/log/"+bundle.Path())))
	if err != nil || int64(len(entries)) != head.Size {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	e := &ledger.Edge{}
	for i, h := range ledger.LeafHashes(nil, entries) {
		e.Push(0, h)
		if got := v.see("/log/" + tile.Path()); got[i*32:(i+1)*32] != string(h[:]) {
			t.Errorf("hash %d of the tile is another", i)
		}
	}
	if e.Root() != head.Root {
		t.Error("the entries do not lead to the head")
	}
	if one := v.see("/log/tile/0/000.p/1"); len(one) != 32 {
		t.Errorf("a narrower tile has %d bytes", len(one))
	}
}

func TestPartsOfTheLogSayWhatTheyAre(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.header.Set("Accept-Language", "ar")
	v.header.Set("Accept-Encoding", "identity")
	for path, want := range map[string][2]string{
		"/log/checkpoint":                  {"text/plain; charset=utf-8", momentary},
		"/log/tile/0/000.p/1":              {"application/octet-stream", forever},
		"/log/tile/entries/000.p/1":        {"application/octet-stream", forever},
		"/log/record/0":                    {"application/json", forever},
		"/log/records":                     {"application/json", momentary},
		"/log/records?from=1":              {"application/json", momentary},
		"/log/signers":                     {"application/json", momentary},
		"/log/tile/0/000":                  {},
		"/log/tile/0/000.p/2":              {},
		"/log/tile/0/0":                    {},
		"/log/tile/entries/x000/000":       {},
		"/log/tile/8/0/000":                {},
		"/log/record/1":                    {},
		"/log/record/00":                   {},
		"/log/record/-1":                   {},
		"/log/record/99999999999999999999": {},
		"/log/":                            {},
		"/log/nothing":                     {},
	} {
		a := v.get(path)
		if want[0] == "" {
			if a.StatusCode != 404 || a.Header.Get("Cache-Control") != never || strings.Contains(a.text, "<") {
				t.Errorf("%s: %s %v %.60s", path, a.Status, a.Header, a.text)
			}
		} else if a.StatusCode != 200 || a.Header.Get("Content-Type") != want[0] || a.Header.Get("Cache-Control") != want[1] {
			t.Errorf("%s: %s %v", path, a.Status, a.Header)
		}
		for _, none := range []string{"Set-Cookie", "Content-Language"} {
			if a.Header.Get(none) != "" {
				t.Errorf("%s has %s", path, none)
			}
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || strings.Contains(a.Header.Get("Vary"), "Language") {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	for method, path := range map[string]string{"POST": "/log/checkpoint", "PUT": "/log/tile/0/000.p/1", "DELETE": "/log/record/0"} {
		if a := v.send(method, path, "", ""); a.StatusCode != 405 || a.Header.Get("Allow") != "GET" {
			t.Errorf("%s %s: %s %v", method, path, a.Status, a.Header)
		}
	}
	if a := v.send("HEAD", "/log/checkpoint", "", ""); a.StatusCode != 200 || a.text != "" || a.ContentLength <= 0 {
		t.Errorf("HEAD: %s %d bytes", a.Status, a.ContentLength)
	}
	if a := v.get("/log/records?from=x"); a.StatusCode != 400 {
		t.Errorf("from=x: %s", a.Status)
	}
	if !strings.Contains(w.logs.String(), "/log/record/{leaf}") {
		t.Error("the log of requests does not name the route")
	}
}

func TestTextIsPressedAndHashesAreNot(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.header.Set("Accept-Encoding", "identity")
	plain := v.see("/log/record/0")
	v.header.Set("Accept-Encoding", "gzip")
	a := v.get("/log/record/0")
	if a.Header.Get("Content-Encoding") != "gzip" || a.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%v", a.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(a.text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != plain {
		t.Errorf("%s, %v", got, err)
	}
	if a := v.get("/log/tile/0/000.p/1"); a.Header.Get("Content-Encoding") != "" || len(a.text) != 32 {
		t.Errorf("%d bytes, %v", len(a.text), a.Header)
	}
}

func TestPublicRecordsOpenTheirEntries(t *testing.T) {
	w := open(t, "casco-fiber")
	w.answers(1)
	w.publish(strings.Replace(example(t, "casco-fiber"), "Once a month we write", "Twice a <month> & more we write", 1))
	v := w.visitor()
	var list struct {
		Leaves []int64
		Next   *int64
	}
	if err := json.Unmarshal([]byte(v.see("/log/records")), &list); err != nil || len(list.Leaves) != 2 || list.Next != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, leaf := range list.Leaves {
		var r store.PublicRecord
		if err := json.Unmarshal([]byte(v.see("/log/record/"+string(rune('0'+leaf)))), &r); err != nil || r.Leaf != leaf {
			t.Fatalf("%+v, %v", r, err)
		}
		got := ledger.EntryOf(ledger.Salt(r.Salt), r.Record).Leaf()
		if tile := v.see("/log/tile/0/000.p/" + string(rune('1'+leaf))); tile[leaf*32:] != string(got[:]) {
			t.Errorf("record %d is not that of its leaf: %s", leaf, r.Record)
		}
	}
}

func TestTheProofAloneIsBesideTheReceipt(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.post("/en/choices", url.Values{"choice": {"accept"}})
	link := fileLink.FindStringSubmatch(v.see("/en/choices?saved=1"))
	if link == nil {
		link = fileLink.FindStringSubmatch(v.see("/en/choices"))
	}
	path := strings.TrimSuffix(link[1], "/json")
	if page := v.see(path); !strings.Contains(page, `href="`+path+`/proof" download="receipt.tlog-proof"`) {
		t.Error("the page of the receipt does not lead to the proof")
	}
	a := v.get(path + "/proof")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Disposition") != `attachment; filename="receipt.tlog-proof"` || a.Header.Get("Cache-Control") != never {
		t.Fatalf("%s %v", a.Status, a.Header)
	}
	head, lines, _ := strings.Cut(a.text, "\n")
	_, checkpoint, _ := strings.Cut(lines, "\n\n")
	if c, err := ledger.OpenCheckpoint(checkpoint, w.db.LogKey()); head != "c2sp.org/tlog-proof@v1" || err != nil || c.Root == (tlog.Hash{}) {
		t.Errorf("%v\n%s", err, a.text)
	}
}
