package parcel

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/amana-privacy/amana/fault"
)

func TestASealOpensForItsOwnerAlone(t *testing.T) {
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := age.GenerateX25519Identity()
	sealed, err := Seal(mine.Recipient().String(), []byte("everything"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := age.Decrypt(bytes.NewReader(sealed), other); err == nil {
		t.Error("another key opens it")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), mine)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); string(got) != "everything" {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", "short", "age1nothing", strings.Repeat("x", 300)} {
		if err := CheckSeal(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTablesHoldNoFormulas: what a person wrote is not run by a spreadsheet.
func TestTablesHoldNoFormulas(t *testing.T) {
	var out bytes.Buffer
	if err := (Contents{}).table([][]string{{"=1+1", "+x", "-x", "@x", "سارة", `a"b`, ""}})(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	for i, want := range []string{"'=1+1", "'+x", "'-x", "'@x", "سارة", `a"b`, ""} {
		if rows[0][i] != want {
			t.Errorf("%q, want %q", rows[0][i], want)
		}
	}
}
