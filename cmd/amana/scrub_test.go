package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/scrub"
	"github.com/amana-privacy/amana/store"
)

// However long a list is, and whatever is in it, a run is one public record of
// what for and for whom; and the reasons told beside add up to the rows.
func TestARunIsOneRecord(t *testing.T) {
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	h, err := openHouse(t.Context(), c, place{dir: t.TempDir()}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	_, err = h.in.db.Record(t.Context(), store.Submission{Subject: "customer:7", Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
	if err != nil {
		t.Fatal(err)
	}
	leaves := func() []int64 {
		list, err := h.in.db.PublicLeaves(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	const rows = 5000
	in, list := io.Pipe()
	go func() { // a list that is never whole in memory
		fmt.Fprintln(list, "customer,name")
		for i := range rows {
			fmt.Fprintf(list, "%d,Noura %d\n", i, i)
		}
		list.Close()
	}()
	before := leaves()
	var out, side bytes.Buffer
	r := scrubRequest{Purpose: "tailored_offers", Key: "customer", Kind: "customer", Explain: true,
		Columns: []scrub.Column{{Name: "name", Data: h.in.db.InForce().Policy.Purposes["tailored_offers"].Data[0]}}}
	told, err := local{h.in}.Scrub(t.Context(), r, stream{in: in, out: &out, side: &side, news: func(json.RawMessage) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	after := leaves()
	if len(after) != len(before)+1 {
		t.Fatalf("%d records more", len(after)-len(before))
	}
	rec, err := h.in.db.PublicRecord(t.Context(), after[len(after)-1])
	if err != nil {
		t.Fatal(err)
	}
	if s := string(rec.Record); !strings.Contains(s, `"type":"scrub"`) || !strings.Contains(s, `"purpose":"tailored_offers"`) || strings.Contains(s, "Noura") || strings.Contains(s, "5000") {
		t.Errorf("the record says %s", s)
	}
	sum := told.Permitted
	for _, left := range told.Rejected() {
		sum += left.Rows
	}
	if told.Rows != rows || told.Permitted != 1 || sum != rows || strings.Count(side.String(), "\n") != rows || out.String() != "name\nNoura 7\n" {
		t.Errorf("%d rows, %d permitted, %d told, %d explained, out %q", told.Rows, told.Permitted, sum, strings.Count(side.String(), "\n"), out.String())
	}
}

// Whoever breaks off a list that does not come, as from a pipe of a program that
// hangs, is not kept waiting; and no part of a list is left behind.
func TestAListThatIsBrokenOff(t *testing.T) {
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	h, err := openHouse(t.Context(), c, place{dir: dir}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	data := h.in.db.InForce().Policy.Purposes["tailored_offers"].Data[0]
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, list := io.Pipe()
	var said bytes.Buffer
	ended := make(chan int, 1)
	out := filepath.Join(t.TempDir(), "out.csv")
	go func() {
		ended <- run(ctx, env{in, io.Discard, &said}, []string{"scrub", "--purpose", "tailored_offers", "--key", "customer", "--column", "name=" + data, "--out", out, "--dir", dir})
	}()
	for _, part := range []string{"customer,name\n", "7,Noura\n"} { // when the second was taken, the first is being read
		if _, err := io.WriteString(list, part); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	select {
	case code := <-ended:
		if code != exitNo {
			t.Errorf("it ends with %d: %s", code, said.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for the list")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
