package httpdoor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/bench/load"
	"github.com/amana-privacy/amana/bench/world"
)

// perSecond is how many pages are fetched in a second, of each kind as many.
const perSecond = 200

// ownPages are what a customer who is signed in opens.
var ownPages = []string{"/en/me", "/ar/me/known", "/en/me/choices", "/ar/me/receipts", "/en/me/requests", "/ar/policy", "/en/choices"}

// BenchmarkOwnPages fetches a customer's own pages at 200 a second, beside
// consents that are written as fast as they go over 16 connections. As many empty
// pages are fetched in between, from the same server under the same load: its
// smallest answer, which goes the way of every page and reads nothing. It reports
// how many times their median the pages' is. A bare handler of another process,
// which does nothing else, is asked as often: that tells what the load costs.
func BenchmarkOwnPages(b *testing.B) {
	s := amana(b, world.Database(b, "sqlite"))
	idle := inside(b, http.HandlerFunc(barePage))
	client := signedIn(b, s)
	for _, loaded := range []bool{false, true} {
		b.Run(fmt.Sprintf("loaded=%t", loaded), func(b *testing.B) {
			ctx, stop := context.WithCancel(limited(b))
			defer stop()
			done := make(chan error, 1)
			if loaded {
				go func() { done <- write(ctx, s) }()
			}
			var pages, none, aside []time.Duration
			var mu sync.Mutex
			fetch := func(address string, into *[]time.Duration) {
				began := time.Now()
				if err := read(ctx, client, address); err != nil {
					b.Error(address, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				*into = append(*into, time.Since(began))
			}
			var wg sync.WaitGroup
			tick := time.NewTicker(time.Second / perSecond)
			defer tick.Stop()
			b.ResetTimer()
			for i := range b.N {
				<-tick.C
				wg.Go(func() { fetch(s.public+ownPages[i%len(ownPages)], &pages) })
				wg.Go(func() { fetch(s.public+"/.well-known/gpc.json", &none) })
				wg.Go(func() { fetch("http://"+idle.addr+"/", &aside) })
			}
			wg.Wait()
			stop()
			if loaded {
				if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
					b.Fatal(err)
				}
			}
			if len(pages) == 0 || len(none) == 0 || len(aside) == 0 {
				return
			}
			slices.Sort(pages)
			slices.Sort(none)
			slices.Sort(aside)
			ours, empty, bare := pages[len(pages)/2], none[len(none)/2], aside[len(aside)/2]
			b.ReportMetric(float64(ours.Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(empty.Microseconds())/1000, "empty-p50-ms")
			b.ReportMetric(float64(bare.Microseconds())/1000, "idle-p50-ms")
			b.ReportMetric(float64(ours)/float64(empty), "times-empty")
			b.ReportMetric(float64(ours)/float64(bare), "times-idle")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// write sends consents until ctx is done.
func write(ctx context.Context, s server) error {
	f := ours("Prefer: return=minimal\r\n")
	first := people.Add(1<<30) - 1<<30
	_, err := load.Run(ctx, load.Task{Addr: s.addr, Connections: 16, Requests: 1 << 30, Status: f.status, Request: func(out []byte, i int64) []byte {
		return f.append(out, s, first+i+1)
	}})
	return err
}

// signedIn is a browser that came from the company's login, of somebody who has
// said something.
func signedIn(b *testing.B, s server) *http.Client {
	jar, err := cookiejar.New(nil)
	world.Must(b, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: perSecond}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range 20 {
		must201(b, s, "/v1/consents", fmt.Sprintf(`{"subject":"customer:770042","choices":[{"purpose":"tailored_offers","decision":"%s"}]}`, []string{"given", "withdrawn"}[i%2]))
	}
	link := string(must201(b, s, "/v1/portal-links", `{"subjects":["customer:770042","email:sara@example.com"]}`))
	_, link, _ = strings.Cut(link, `"url":"`)
	link, _, _ = strings.Cut(link, `"`)
	u, err := url.Parse(link)
	world.Must(b, err)
	resp, err := client.PostForm(s.public+u.Path, url.Values{})
	world.Must(b, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		b.Fatalf("coming in: %s", resp.Status)
	}
	return client
}

func must201(b *testing.B, s server, path, body string) []byte {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+s.addr+path, strings.NewReader(body))
	world.Must(b, err)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	world.Must(b, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	world.Must(b, err)
	if resp.StatusCode != http.StatusCreated {
		b.Fatalf("%s: %s: %s", path, resp.Status, raw)
	}
	return raw
}

// read fetches a page to its end.
func read(ctx context.Context, c *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var page bytes.Buffer
	if _, err := page.ReadFrom(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
