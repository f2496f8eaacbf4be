package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// acknowledged is what a client of the company door was told is kept.
type acknowledged struct {
	subject subject.ID
	receipt receipt.Receipt
}

// TestNothingAcknowledgedIsLostByKillingTheServer kills a loaded server with
// SIGKILL again and again (I1–I4): on SQLite ten times, on each PostgreSQL, where
// another server goes on meanwhile, a few. Fifty times in the soak.
func TestNothingAcknowledgedIsLostByKillingTheServer(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		killAgainAndAgain(t, 10, place{dir: dir})
	})
	for _, version := range pgtest.Versions {
		t.Run("postgres"+version, func(t *testing.T) {
			dir := t.TempDir()
			at := place{dir: filepath.Join(dir, "data"), db: pgtest.Database(t, version), keys: filepath.Join(dir, "keys")}
			other := at
			other.dir = filepath.Join(dir, "other")
			killAgainAndAgain(t, 4, at, other)
		})
	}
}

// killAgainAndAgain kills the first of servers on one database, again and again.
func killAgainAndAgain(t *testing.T, rounds int, at place, others ...place) {
	if os.Getenv("AMANA_SOAK") != "" {
		rounds = 50
	}
	program := programFile(t)
	var kept []acknowledged
	token := ""
	for round := range rounds {
		s := startServer(t, program, at)
		if token == "" {
			token = createToken(t, program, at)
			for _, o := range others {
				startServer(t, program, o)
			}
		}
		got := load(t, s, token, round)
		kept = append(kept, got...)
		t.Logf("round %d: %d acknowledged before the kill", round, len(got))
		checkKept(t, at, kept, got)
	}
	if len(kept) < rounds*10 {
		t.Fatalf("%d acknowledgements in %d rounds are too few to mean anything", len(kept), rounds)
	}
}

// programFile names the test binary as the program, which TestMain makes it.
func programFile(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "amana")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	return program
}

type running struct {
	cmd     *exec.Cmd
	company string
}

func startServer(t *testing.T, program string, at place) *running {
	t.Helper()
	cmd := exec.Command(program, "serve", "--dir", at.dir, "--policy", "../../examples/casco-fiber/amana.yaml", "--public", "127.0.0.1:0", "--company", "127.0.0.1:0")
	cmd.Env = elsewhere(at)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "company door"); ok {
			go io.Copy(io.Discard, out)
			return &running{cmd, strings.TrimSpace(address)}
		}
	}
	cmd.Wait()
	t.Fatalf("the server did not start: %s", &complaints)
	return nil
}

// elsewhere is the environment that says what of a place lies outside its folder.
func elsewhere(at place) []string {
	return append(os.Environ(), "AMANA_DB="+at.db, "AMANA_KEYS="+at.keys)
}

func createToken(t *testing.T, program string, at place) string {
	t.Helper()
	c := exec.Command(program, "token", "create", "--name", "load", "--scope", "consent:write", "--dir", at.dir)
	c.Env = elsewhere(at)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// load posts consents from several clients until the server is killed under it.
func load(t *testing.T, s *running, token string, round int) []acknowledged {
	t.Helper()
	var mu sync.Mutex
	var got []acknowledged
	var wg sync.WaitGroup
	for client := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				prefer := []string{"", "wait"}[client%2]
				a, ok := post(s.company, token, prefer, subject.ID(fmt.Sprintf("customer:r%d-c%d-%d", round, client, i)))
				if !ok {
					return // the server is gone
				}
				mu.Lock()
				got = append(got, a)
				mu.Unlock()
			}
		})
	}
	enough := 10 + rand.IntN(300)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		mu.Lock()
		n := len(got)
		mu.Unlock()
		if n >= enough {
			break
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	s.cmd.Wait()
	return got
}

func post(company, token, prefer string, id subject.ID) (acknowledged, bool) {
	body := fmt.Sprintf(`{"subject":%q,"choices":[{"purpose":"tailored_offers","decision":"given"}]}`, id)
	req, err := http.NewRequest(http.MethodPost, company+"/v1/consents", strings.NewReader(body))
	if err != nil {
		return acknowledged{}, false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if prefer != "" {
		req.Header.Set("Prefer", prefer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return acknowledged{}, false
	}
	defer resp.Body.Close()
	var answer struct{ Receipts []receipt.Receipt }
	if resp.StatusCode == http.StatusTooManyRequests {
		time.Sleep(5 * time.Millisecond)
		return post(company, token, prefer, id)
	}
	if resp.StatusCode != http.StatusCreated || json.NewDecoder(resp.Body).Decode(&answer) != nil {
		return acknowledged{}, false
	}
	return acknowledged{id, answer.Receipts[0]}, true
}

// checkKept opens what the kill left and looks for every acknowledged consent;
// those of the last round it also verifies as their customers would.
func checkKept(t *testing.T, at place, kept, last []acknowledged) {
	t.Helper()
	in, err := open(t.Context(), at, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if _, err := in.db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range kept {
		if d, err := in.db.Decide(t.Context(), a.subject, decision.Question{Purpose: "tailored_offers"}); err != nil || d.Reason != decision.Given {
			t.Fatalf("an acknowledged yes is decided %s, %v", d.Reason, err)
		}
	}
	for _, a := range last {
		is := proved(t, in, a.receipt.ID)
		if v, err := receipt.Verify(marshal(t, is), in.db.LogKey()); err != nil || v.Outcome != receipt.Valid {
			t.Fatalf("receipt %s does not hold: %+v, %v", a.receipt.ID, v, err)
		}
		if a.receipt.Proof == nil { // which had yet to come
			is.Proof, is.Checkpoint, is.Signers, a.receipt.Signers = nil, "", nil, nil
		}
		if !bytes.Equal(marshal(t, a.receipt), marshal(t, is)) {
			t.Fatalf("receipt %s was acknowledged and is another now", a.receipt.ID)
		}
	}
}

// proved gives a receipt that was acknowledged, once the ledger has it.
func proved(t *testing.T, in *installation, id string) receipt.Receipt {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		list, err := in.db.Receipts(t.Context(), []string{id})
		if err != nil {
			t.Fatalf("receipt %s was acknowledged and is gone: %v", id, err)
		}
		if list[0].Proof != nil {
			return list[0]
		}
	}
	t.Fatalf("receipt %s has no proof", id)
	return receipt.Receipt{}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
