package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

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
