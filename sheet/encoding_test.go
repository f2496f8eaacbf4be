package sheet_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
)

const inArabic = "email;الاسم\r\nsara@example.com;سارة\r\n"

func utf16(order unicode.Endianness, mark unicode.BOMPolicy) string {
	s, err := unicode.UTF16(order, mark).NewEncoder().String(inArabic)
	if err != nil {
		panic(err)
	}
	return s
}

func TestTextsOfOtherEncodingsAreRead(t *testing.T) {
	arabic, err := charmap.Windows1256.NewEncoder().String(inArabic)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(arabic))
	z.Close()
	for name, c := range map[string]struct{ in, encoding, want string }{
		"UTF-8":                       {inArabic, "", inArabic},
		"UTF-8 that was said":         {inArabic, "utf-8", inArabic},
		"UTF-8 with its mark":         {"\ufeff" + inArabic, "", inArabic},
		"both":                        {"\ufeff" + inArabic, "utf-8", inArabic},
		"UTF-16 with its mark":        {utf16(unicode.LittleEndian, unicode.ExpectBOM), "", inArabic},
		"the other way round":         {utf16(unicode.BigEndian, unicode.ExpectBOM), "", inArabic},
		"UTF-16 that was said":        {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", inArabic},
		"said, the other way round":   {utf16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be", inArabic},
		"marked and said":             {utf16(unicode.BigEndian, unicode.ExpectBOM), "utf-16be", inArabic},
		"Arabic of Windows":           {arabic, "windows-1256", inArabic},
		"packed":                      {packed.String(), "windows-1256", inArabic},
		"Western Europe":              {"\x80 caf\xe9", "windows-1252", "€ café"},
		"latin-1":                     {"caf\xe9", "iso-8859-1", "café"},
		"nothing":                     {"", "", ""},
		"what stands for bad letters": {"a\ufffd", "", "a\ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				r, err := sheet.OpenIn(in, c.encoding)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
}

func TestATextThatContradictsItselfIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ in, encoding, words string }{
		"UTF-16 without a mark": {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "", "--encoding utf-16le"},
		"the other way round":   {utf16(unicode.BigEndian, unicode.IgnoreBOM), "", "--encoding utf-16be"},
		"another mark":          {"\ufeff" + inArabic, "windows-1256", "begins with the mark of utf-8"},
		"another order":         {utf16(unicode.BigEndian, unicode.ExpectBOM), "utf-16le", "begins with the mark of utf-16be"},
		"nobody's encoding":     {inArabic, "utf-7", "no encoding is called so; there are iso-8859-1, utf-16be, utf-16le, utf-8, windows-1252, windows-1256"},
		"workbook":              {"PK\x03\x04…", "", "save the sheet as CSV UTF-8"},
	} {
		_, err := sheet.OpenIn(iotest.OneByteReader(strings.NewReader(c.in)), c.encoding)
		if k := fault.KindOf(err); k != fault.Malformed && k != fault.Invalid || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
		if again := sheet.Sound(strings.NewReader(c.in), c.encoding); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: %v", name, again)
		}
	}
}

func TestThePlaceOfBadBytesIsNamed(t *testing.T) {
	long := strings.Repeat("سارة,no\r\n", 3000)
	for in, want := range map[string]sheet.EncodingError{
		"\xd3\xc7":               {Line: 1, Character: 1},
		"a,b\nc,\xd3\xc7\nd,e\n": {Line: 2, Character: 3},
		"س\nسارة,\xd3":           {Line: 2, Character: 6},
		"a,b\nc,\xd8":            {Line: 2, Character: 3}, // half a letter at the end
		"\ufeffa\n\xff":          {Line: 2, Character: 1},
		long + "a\xed\xa0\x80":   {Line: 3001, Character: 2}, // half a pair of UTF-16
	} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			err := sheet.Sound(r, "")
			at, ok := errors.AsType[*sheet.EncodingError](err)
			if !ok || *at != want || strings.Contains(err.Error(), "سارة") {
				t.Errorf("%+v: %v", want, err)
			}
		}
	}
}

// What was cut in being copied is found out before anything of it is taken.
func TestACutFileIsNotSound(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(strings.Repeat(inArabic, 1000)))
	z.Close()
	if err := sheet.Sound(bytes.NewReader(packed.Bytes()), ""); err != nil {
		t.Fatal(err)
	}
	if err := sheet.Sound(bytes.NewReader(packed.Bytes()[:packed.Len()/2]), ""); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

func FuzzOpenIn(f *testing.F) {
	f.Add([]byte(inArabic), 0)
	f.Add([]byte("a\xd3"), 0)
	f.Add([]byte(utf16(unicode.LittleEndian, unicode.ExpectBOM)), 1)
	f.Fuzz(func(t *testing.T, in []byte, n int) {
		names := append([]string{""}, sheet.Encodings()...)
		name := names[max(0, n)%len(names)]
		r, err := sheet.OpenIn(iotest.HalfReader(bytes.NewReader(in)), name)
		if err != nil {
			return
		}
		got, err := io.ReadAll(r)
		if !utf8.Valid(got) {
			t.Fatalf("%q", got)
		}
		if plain := bytes.TrimPrefix(in, []byte("\ufeff")); err == nil && name == "utf-8" && !bytes.HasPrefix(in, []byte("\x1f\x8b")) && !bytes.Equal(got, plain) {
			t.Fatalf("%q became %q", plain, got)
		}
	})
}
