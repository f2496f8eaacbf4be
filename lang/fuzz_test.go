package lang_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/lang"
	"golang.org/x/net/html"
)

// readBack undoes what Number does, for any digits.
var readBack = strings.NewReplacer("٠", "0", "١", "1", "٢", "2", "٣", "3", "٤", "4", "٥", "5",
	"٦", "6", "٧", "7", "٨", "8", "٩", "9", "٬", "", ",", "", "\u200e", "", "\u061c", "")

func FuzzNumberReadsBack(f *testing.F) {
	for _, n := range []int64{0, 7, -7, 999, 1000, -1000, 1 << 62, -1 << 63} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		for _, o := range []lang.Options{latin, arabic} {
			for _, tag := range []string{"en", "ar"} {
				w := words(t, tag, o)
				s := w.Number(n)
				if got, err := strconv.ParseInt(readBack.Replace(s), 10, 64); err != nil || got != n {
					t.Errorf("%s %+v: %d is written %q", tag, o, n, s)
				}
				w.Duration(int(n%2400), n)
				w.N("duration.day", int(n))
			}
		}
	})
}

// Whatever a value holds, H gives it back as text, and no element of its own.
func FuzzHTMLKeepsValuesAsText(f *testing.F) {
	f.Add("<script>alert(1)</script>", "{date}")
	f.Add("{time}", "</bdi><b a='")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsAny(a+b, "\x00\r") || strings.ToValidUTF8(a+b, "") != a+b {
			return // a page cannot hold these, whoever writes them
		}
		nodes := html.NewTokenizer(strings.NewReader(string(words(t, "en", latin).H("date.time", "date", a, "time", b))))
		var text strings.Builder
		for {
			switch nodes.Next() {
			case html.ErrorToken:
				if want := a + ", " + b + " UTC"; text.String() != want {
					t.Errorf("%q, want %q", text.String(), want)
				}
				return
			case html.TextToken:
				text.Write(nodes.Text())
			default:
				if name, _ := nodes.TagName(); string(name) != "bdi" {
					t.Errorf("element %q", name)
				}
			}
		}
	})
}
