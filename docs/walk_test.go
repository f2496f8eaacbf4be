package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// amana builds the program once and gives its path.
func amana(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "amana-docs-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "amana")
	c := exec.Command("go", "build", "-o", program, "../cmd/amana")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %v\n%s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// block is a fenced block of a page: a command, or what it prints.
type block struct{ page, kind, text string }

func blocks(t *testing.T, page string) []block {
	t.Helper()
	var out []block
	for _, m := range regexp.MustCompile("(?s)\n```(sh background|sh|text|python)\n(.*?)```").FindAllStringSubmatch(read(t, page), -1) {
		out = append(out, block{page, m[1], m[2]})
	}
	return out
}

const mark = "@@@@ end of block"

// TestWhatThePagesTellToTypeWorks walks through the pages in one shell, as a
// reader does who takes them one after the other: every command is run, and
// what it prints is what the page shows; … stands for anything.
func TestWhatThePagesTellToTypeWorks(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	public, company := free(t), free(t)
	here := strings.NewReplacer("127.0.0.1:8080", public, "127.0.0.1:8081", company, "127.0.0.1:8090", free(t), "127.0.0.1:8091", free(t), "'tidebooks.example/log+…'", `"$(sed -n 's/^log key *//p' "$ROOT/serve.log")"`,
		"0b6b4f5e-7f0a-8d5e-9d6c-0123456789ab", `"$(grep -o '"id":"[0-9a-f-]\{36\}"' erased.json | head -1 | cut -d'"' -f4)"`, "key.txt", `"$ROOT/key.txt"`, "age1…", "age1n5xt8yzh6fuvh74g22lxfkv946h370h9fuf6mykgnl5jfh75tfls8l7vmz")
	if n := walk(t, public, company, here, "getting-started.md", "publishing.md", "embedding.md", "banner.md", "receipts.md", "audit.md", "witness.md", "import-export.md", "scrub.md", "replicas.md", "operating.md", "backup.md", "history.md", "keys.md", "erasing.md"); n < 15 {
		t.Errorf("only %d blocks were found", n)
	}
}

// walk runs what pages tell to type in one shell, with what is at hand here in
// the place of what they name, and gives how many blocks that was. Servers
// listen at public and company unless the pages say otherwise.
func walk(t *testing.T, public, company string, here *strings.Replacer, pages ...string) int {
	t.Helper()
	var all []block
	for _, page := range pages {
		all = append(all, blocks(t, page)...)
	}
	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\ncd \"$ROOT\"\n" + // and a pair of keys as age-keygen makes it
		"echo AGE-SECRET-KEY-1EAG8PKUVCRJ5LR0JHVX0YJJAZUQ2JCYPMZMCVACRDC7V4UT5U6GQLMG35X >key.txt\n")
	for _, b := range all {
		switch b.kind {
		case "sh":
			fmt.Fprintf(&script, "%s\necho '%s'\n", here.Replace(b.text), mark)
		case "sh background":
			fmt.Fprintf(&script, "[ -z \"$server\" ] || { kill $server; wait $server; }\n"+ // as the page says
				"%s >\"$ROOT/serve.log\" 2>&1 &\nserver=$!\nfor i in $(seq 1200); do grep -q ^next: \"$ROOT/serve.log\" && break; sleep 0.05; done\nhead -5 \"$ROOT/serve.log\"\necho '%s'\n", strings.TrimSpace(here.Replace(b.text)), mark)
		case "python":
			fmt.Fprintf(&script, "cat >verify_receipt.py <<'PYTHON'\n%sPYTHON\necho '%s'\n", b.text, mark)
		}
	}
	printed := strings.Split(shell(t, script.String(), public, company), mark+"\n")
	n := len(regexp.MustCompile("(?m)^echo '@@@@").FindAllString(script.String(), -1))
	if len(printed) != n+1 {
		t.Fatalf("%d blocks, %d answers; the last:\n%s", n, len(printed), printed[len(printed)-1])
	}
	at := -1
	for _, b := range all {
		if b.kind != "text" {
			at++
			continue
		}
		want := regexp.QuoteMeta(strings.NewReplacer("127.0.0.1:8080", public, "127.0.0.1:8081", company).Replace(b.text))
		if !regexp.MustCompile(`(?s)^` + strings.ReplaceAll(want, "…", ".*?") + `$`).MatchString(printed[at]) {
			t.Errorf("%s shows\n%s\nbut there comes\n%s", b.page, b.text, printed[at])
		}
	}
	return n
}

func shell(t *testing.T, script, public, company string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // a quarter of one, where nothing else runs
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", script)
	c.Env = append(os.Environ(), "ROOT="+t.TempDir(), "PATH="+filepath.Dir(amana(t))+":"+os.Getenv("PATH"), "AMANA_PUBLIC="+public, "AMANA_COMPANY="+company)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("it hangs: %v\n%s", err, out)
	}
	return string(out)
}

// free gives an address nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	address, err := pgtest.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
