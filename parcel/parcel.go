// Package parcel makes what a person takes away: everything that is kept about
// them in forms that other programs read (GDPR Article 20), with a page that
// they read themselves, in one archive that is sealed for them alone.
package parcel

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/known"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Contents is what goes into a parcel.
type Contents struct {
	Words    *lang.Words
	Notice   *notice.Notice
	Version  *policy.Version
	Made     time.Time
	Persons  []Person
	Picture  known.Picture
	Requests []request.Request
}

// Person is one identifier with all that was said under it.
type Person struct {
	ID       subject.ID
	Since    time.Time // restricted since; zero: not
	States   map[consent.Key]consent.State
	Receipts []receipt.Receipt // oldest first
}

// Receipts counts the receipts.
func (c Contents) Receipts() (n int) {
	for _, p := range c.Persons {
		n += len(p.Receipts)
	}
	return n
}

// Zip writes the archive. The same contents are the same bytes.
func (c Contents) Zip(out io.Writer) error {
	z := zip.NewWriter(out)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"index.html", c.page},
		{"data.json", c.json},
		{"known.csv", c.table(c.known())},
		{"choices.csv", c.table(c.choices())},
		{"requests.csv", c.table(c.requests())},
		{"receipts.csv", c.table(c.receipts())},
	} {
		if err := c.add(z, f.name, f.write); err != nil {
			return err
		}
	}
	for _, p := range c.Persons {
		for _, r := range p.Receipts {
			if err := c.add(z, "receipts/"+r.ID+".json", func(w io.Writer) error { return indented(w, r) }); err != nil {
				return err
			}
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("packing: %w", err)
	}
	return nil
}

func (c Contents) add(z *zip.Writer, name string, write func(io.Writer) error) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: c.Made.UTC()})
	if err == nil {
		err = write(w)
	}
	if err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return nil
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes rows as CSV (RFC 4180) with a byte order mark, by which
// spreadsheets know that it is UTF-8. What a spreadsheet would take for a
// formula begins with an apostrophe.
func (c Contents) table(rows [][]string) func(io.Writer) error {
	return func(out io.Writer) error {
		if _, err := io.WriteString(out, "\ufeff"); err != nil {
			return err
		}
		w := csv.NewWriter(out)
		w.UseCRLF = true
		for _, row := range rows {
			safe := make([]string, len(row))
			for i, cell := range row {
				if safe[i] = cell; cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					safe[i] = "'" + cell
				}
			}
			if err := w.Write(safe); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
}

// Seal seals an archive: to an age recipient (age1…), or under a password
// (scrypt); either is opened by any program that knows age (age-encryption.org).
func Seal(to string, archive []byte) ([]byte, error) {
	r, err := recipientOf(to)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err == nil {
		_, err = w.Write(archive)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return out.Bytes(), nil
}

// MinPassword is how many characters a password has at least.
const MinPassword = 10

// CheckSeal says what is wrong with what a parcel shall be sealed to: fault.Invalid at seal.
func CheckSeal(to string) error {
	_, err := recipientOf(to)
	return err
}

func recipientOf(to string) (age.Recipient, error) {
	if strings.HasPrefix(to, "age1") {
		r, err := age.ParseX25519Recipient(to)
		if err != nil {
			return nil, fault.At(fault.Invalid, "seal", "this is no age recipient")
		}
		return r, nil
	}
	if n := len([]rune(to)); n < MinPassword || n > 200 {
		return nil, fault.At(fault.Invalid, "seal", "a password has at least %d characters", MinPassword)
	}
	r, err := age.NewScryptRecipient(to)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	r.SetWorkFactor(16) // 64 MiB for a moment
	return r, nil
}

//go:embed page.html
var pageSource string

// page is what the person reads.
func (c Contents) page(out io.Writer) error {
	w := c.Words
	t, err := template.New("page").Funcs(template.FuncMap{"T": w.T, "N": w.N, "Of": w.Of, "moment": w.DateTime}).Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(out, map[string]any{"Lang": w.Tag, "Dir": w.Dir(), "Company": c.Notice.Company, "Made": c.Made, "C": c,
		"Known": c.known(), "Choices": c.choices(), "Requests": c.requests(), "Receipts": c.receipts()})
}
