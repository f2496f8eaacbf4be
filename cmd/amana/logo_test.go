package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"io"

	"github.com/amana-privacy/amana/examples"
)

// request gives the policy of an example as it is sent to an operator.
func request(t *testing.T, logo string) publishRequest {
	t.Helper()
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return publishRequest{Name: "amana.yaml", Source: src, Logo: []byte(logo), By: "Mona Haddad"}
}

var logoPath = regexp.MustCompile(`/assets/logo-[0-9a-f]+\.(svg|png)`)

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	return string(body)
}

// A logo that is published is shown by the server that runs; one that cannot be
// read is missing from the pages, and they are there.
func TestTheLogoOfARunningServer(t *testing.T) {
	dir := t.TempDir()
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	var log bytes.Buffer
	serve := func() *house {
		h, err := openHouse(t.Context(), c, place{dir: dir}, &p, slog.New(slog.NewTextHandler(&log, nil)), nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := serve()
	first := logoPath.FindString(fetch(t, h.publicURL+"/en/"))
	if _, err := (local{h.in}).Publish(t.Context(), request(t, "<svg id='new'/>")); err != nil {
		t.Fatal(err)
	}
	second := logoPath.FindString(fetch(t, h.publicURL+"/en/"))
	if second == first || fetch(t, h.publicURL+second) != "<svg id='new'/>" {
		t.Errorf("%s is followed by %s", first, second)
	}
	if _, err := (local{h.in}).Publish(t.Context(), request(t, "<html>")); err == nil {
		t.Error("what is no picture is taken")
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, logoFile)); err != nil || string(kept) != "<svg id='new'/>" {
		t.Errorf("kept is %q %v", kept, err)
	}
	if rest, _ := filepath.Glob(filepath.Join(dir, ".logo*")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	if err := os.WriteFile(filepath.Join(dir, logoFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	h = serve()
	defer h.close()
	if page := fetch(t, h.publicURL+"/en/"); logoPath.MatchString(page) || !strings.Contains(log.String(), "shown without a logo") {
		t.Errorf("a logo that cannot be read: %s", log.String())
	}
}
