package subject_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

var update = flag.Bool("update", false, "write the normal forms that Parse gives into testdata/normal-forms.json")

const vectorFile = "testdata/normal-forms.json"

// vector is one line of the shared file of normal forms.
type vector struct {
	In     string `json:"in"`
	Region string `json:"region"`
	Out    string `json:"out,omitempty"`
	Error  bool   `json:"error,omitempty"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestNormalForms(t *testing.T) {
	list := vectors(t)
	if len(list) < 60 {
		t.Fatalf("only %d vectors", len(list))
	}
	for i, v := range list {
		got, err := subject.Parse(v.In, v.Region)
		if *update {
			list[i].Out = string(got)
		} else if string(got) != v.Out {
			t.Errorf("Parse(%q, %q) = %q, want %q", v.In, v.Region, got, v.Out)
		}
		if (err != nil) != v.Error {
			t.Errorf("Parse(%q, %q): error %v, want one: %v", v.In, v.Region, err, v.Error)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q, %q): %v is not fault.Invalid", v.In, v.Region, err)
		}
	}
	if *update {
		write(t, list)
	}
}

// write keeps one vector a line, with every sign beyond ASCII escaped: half of
// them cannot be seen.
func write(t *testing.T, list []vector) {
	t.Helper()
	var b strings.Builder
	for i, v := range list {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(map[bool]string{true: "[\n  ", false: ",\n  "}[i == 0])
		for _, r := range string(line) {
			if r < 0x80 {
				b.WriteRune(r)
			} else {
				b.WriteString(escape(r))
			}
		}
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(vectorFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// escape writes a rune of the basic plane as JSON's \uXXXX.
func escape(r rune) string {
	const hex = "0123456789abcdef"
	return `\u` + string([]byte{hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]})
}

func TestErrorsDoNotRepeatTheIdentifier(t *testing.T) {
	for _, in := range []string{"email:secret value@x", "email:x@secret..value", "phone:+1 secret", "customer:secret\x00value", "device:secret", "secret", "secret:value"} {
		_, err := subject.Parse(in, "US")
		if err == nil {
			t.Fatalf("Parse(%q) is no error", in)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the identifier: %v", err)
		}
	}
}

func TestLogsShowTheKindAlone(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	for id, want := range map[subject.ID]string{
		"email:secret@example.com": `"id":"email:…"`,
		"phone:+12075550134":       `"id":"phone:…"`,
		"secret":                   `"id":"…"`,
		"secret:secret":            `"id":"…"`,
	} {
		b.Reset()
		log.Info("seen", "id", id)
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("log line %s, want %s in it", got, want)
		}
	}
}

func TestKind(t *testing.T) {
	want := map[subject.ID]string{"email:a@b.example": "email", "phone:+1": "phone", "customer:a:b": "customer", "device:x": "device"}
	got := map[subject.ID]string{}
	for id := range want {
		got[id] = id.Kind()
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.In, v.Region)
	}
	f.Fuzz(func(t *testing.T, in, region string) {
		id, err := subject.Parse(in, region)
		if err != nil {
			return
		}
		for _, r := range []string{"", region, "US"} {
			again, err := subject.Parse(string(id), r)
			if err != nil || again != id {
				t.Fatalf("Parse(%q, %q) = %q, whose normal form in %q is %q (%v)", in, region, id, r, again, err)
			}
		}
	})
}
