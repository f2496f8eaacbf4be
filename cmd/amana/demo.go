package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/amana-privacy/amana/demo"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
)

// demoLine is what demo --json prints, once, as soon as both doors answer.
type demoLine struct {
	Public  string `json:"public"`
	Company string `json:"company"`
	Token   string `json:"token"` // of every scope
	Staff   string `json:"staff"` // empty: the staff console is not part of this version
	Dir     string `json:"dir"`
	LogKey  string `json:"log_key"`
}

func runDemo(ctx context.Context, e env, args []string) error {
	c := defaults()
	flags := find("demo").flags(e)
	var at place
	at.flags(flags, "")
	file := flags.String("policy", "", "a policy of yours; by default an Internet provider in Maine")
	customers := flags.Int("customers", 3000, "how many customers to simulate")
	asJSON := flags.Bool("json", false, "print one JSON line with addresses, token and log key")
	apply := c.override(flags)
	operands, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 || *customers < 0 {
		return fmt.Errorf("demo takes no operand, and a number of customers from 0 on")
	}
	apply()
	p, err := demoPolicy(*file)
	if err != nil {
		return no(err)
	}
	if at.dir == "" { // the demo's own, and removed at the end
		if at.dir, err = os.MkdirTemp("", "amana-demo-"); err != nil {
			return no(err)
		}
		defer os.RemoveAll(at.dir)
	}
	roomToWrite()
	return demoIn(ctx, e, c, at, p, *customers, *asJSON)
}

// demoPolicy reads the policy to show: an example of ours, or a file.
func demoPolicy(file string) (policyFile, error) {
	if file != "" {
		return loadPolicy(file)
	}
	beside, err := fs.Sub(examples.FS, "casco-fiber")
	if err != nil {
		return policyFile{}, err
	}
	src, err := fs.ReadFile(beside, "amana.yaml")
	if err != nil {
		return policyFile{}, err
	}
	doc, err := readPolicy("examples/casco-fiber/amana.yaml", src)
	return policyFile{doc, src, beside}, err
}

func demoIn(ctx context.Context, e env, c config, at place, p policyFile, customers int, asJSON bool) error {
	if err := claim(at.dir); err != nil {
		return no(err)
	}
	line := demoLine{Dir: at.dir}
	var fresh bool
	h, err := openHouse(ctx, c, at, &p, slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), func(in *installation) (err error) {
		fresh, err = demo.Fresh(ctx, in.db)
		if err != nil {
			return err
		}
		line.LogKey = in.db.LogKey()
		line.Token, err = demoToken(ctx, in)
		return err
	})
	if err != nil {
		return startFailed(portHint(err))
	}
	line.Public, line.Company = h.publicURL, "http://"+h.company.Addr().String()
	if asJSON {
		err = json.NewEncoder(e.stdout).Encode(line)
	} else {
		err = tellDemo(e, p, line)
	}
	if err == nil && fresh {
		err = loadCustomers(ctx, e, h, customers)
	}
	if err == nil {
		err = h.wait(ctx)
	}
	return ended(exitNo, errors.Join(err, h.close()))
}

// demoFile marks a folder as the demo's own and holds its token, for who owns
// the folder alone: in the demo nothing is at stake.
const demoFile = "demo"

// claim marks a folder before anything is made in it. An installation that demo
// did not make is left alone: its customers are real, and the demo would add
// simulated ones and a token for everything.
func claim(dir string) error {
	mark := filepath.Join(dir, demoFile)
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{databaseFile, keysFolder} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("%s is an installation that demo did not make; amana serve --dir %s runs it", dir, dir))
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return replaceFile(mark, nil)
}

// demoToken gives the token of the runs before, or the first.
func demoToken(ctx context.Context, in *installation) (string, error) {
	mark := filepath.Join(in.dir, demoFile)
	kept, err := os.ReadFile(mark)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(kept))
	if t, err := in.db.Token(ctx, secret); err == nil && t.Has("*") {
		return secret, nil
	} else if err != nil && fault.KindOf(err) != fault.Denied {
		return "", err
	}
	if secret, err = in.db.CreateToken(ctx, "demo", []string{"*"}); err != nil {
		return "", err
	}
	return secret, replaceFile(mark, []byte(secret+"\n"))
}

// portHint says what to do where an address is taken.
func portHint(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w\nfor any free ports: amana demo --public 127.0.0.1:0 --company 127.0.0.1:0", err)
	}
	return err
}

func tellDemo(e env, p policyFile, line demoLine) error {
	org := p.doc.Policy.Organization
	_, err := fmt.Fprintf(e.stdout, `%s, as its customers see it:
  %s/%s/             the notice in brief
  %s/choices         what may be stored in this browser, and your receipts

the company's programs ask here:
  %s
  curl -s %s/v1/decide -H "Authorization: Bearer %s" \
    -H "Content-Type: application/json" -d '{"subject":"%s","purpose":"%s"}'

the customer's own pages: the demo sends no mail, so the company's login leads in; open the url that comes, once
  curl -s %s/v1/portal-links -H "Authorization: Bearer %s" \
    -H "Content-Type: application/json" -d '{"subjects":["%s"]}'

a receipt you downloaded is verified offline by
  amana verify receipt.json --key '%s'

data in %s; stop with Ctrl-C
`, org.Name.In(p.doc.Policy.Master()), line.Public, p.doc.Policy.Master(), line.Public, line.Company, line.Company, line.Token,
		demo.FirstCustomer, demo.FirstPurpose(p.doc.Policy), line.Company, line.Token, demo.FirstCustomer, line.LogKey, line.Dir)
	return err
}

func loadCustomers(ctx context.Context, e env, h *house, n int) error {
	bar := newProgress(e.stderr, "simulated customers", n)
	sum, err := demo.Load(ctx, h.in.db, n, bar.add)
	bar.done()
	if ctx.Err() != nil {
		return nil // stopped in the middle
	}
	if err != nil {
		return fmt.Errorf("loading customers: %w", err)
	}
	fmt.Fprintf(e.stderr, "%s, %s, all in the ledger\n", lang.Count(sum.Customers, "simulated customer", "simulated customers"), lang.Count(sum.Answers, "answer", "answers"))
	return nil
}
