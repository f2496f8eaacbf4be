package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/mirror"
)

func runSync(ctx context.Context, e env, args []string) error {
	fs := find("sync").flags(e)
	var c mirror.Config
	fs.StringVar(&c.Server, "server", "http://127.0.0.1:8081", "the company door")
	fs.StringVar(&c.Token, "token", "", "bearer token with the scope search:PURPOSE; AMANA_TOKEN keeps it out of lists of processes")
	fs.StringVar(&c.Purpose, "purpose", "", "purpose as the policy names it")
	fs.StringVar(&c.Table, "table", "", "what is queried: a view, beside which its tables lie")
	fs.StringVar(&c.Recipient, "recipient", "", "recipient it would be shared with")
	fs.StringVar(&c.Kind, "kind", "", "identifiers of this kind alone: email, phone, customer or device")
	data := fs.String("data", "", "data categories, separated by commas; all of the purpose's where absent")
	fs.DurationVar(&c.Bound, "stale-after", 10*time.Second, "for how long the view is believed after the last word from the door; with --once, until the next run")
	once := fs.Bool("once", false, "bring it up to date and stop, for cron")
	dry := fs.Bool("dry-run", false, "count who is permitted, and write nothing")
	schema := fs.Bool("schema", false, "print the statements that make the view, and stop")
	asJSON := fs.Bool("json", false, "print one JSON object a line")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 1 || c.Purpose == "" || c.Table == "" {
		return errors.New("say where, for what and under which name: amana sync postgres://sync@db.example.com/crm --purpose newsletter --table allowed_newsletter")
	}
	if *data != "" {
		c.Data = strings.Split(*data, ",")
	}
	if c.Token == "" {
		c.Token = os.Getenv("AMANA_TOKEN")
	}
	if c.Bound < 3*time.Second {
		return errors.New("--stale-after: at least 3s, for the door is heard every second")
	}
	c.Tell = func(n mirror.News) { tellSync(e, n, *asJSON) }
	m, err := mirror.New(strings.Join(operands, ""), c)
	if err != nil {
		return err
	}
	switch {
	case *schema:
		_, err = fmt.Fprint(e.stdout, m.Schema())
		return err
	case *dry:
		n, err := m.Count(ctx)
		if err != nil {
			return syncFailed(err)
		}
		tellSync(e, mirror.News{Event: "dry-run", Permitted: n, At: time.Now()}, *asJSON)
		return nil
	case *once:
		return syncFailed(m.Once(ctx))
	}
	return syncFailed(m.Run(ctx))
}

// syncFailed says what an error is: wrong use, a no, or that it could not be told.
func syncFailed(err error) error {
	switch k := fault.KindOf(err); {
	case err == nil:
		return nil
	case k == fault.Denied || k == fault.Conflict || k == fault.Unknown || k == fault.Invalid:
		return no(err)
	}
	return exitError{exitUnknown, mirror.Plainly(err)}
}

// tellSync prints what happens: figures alone, nobody's identifier.
func tellSync(e env, n mirror.News, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(e.stdout).Encode(n)
		return
	}
	at := n.At.Format(time.TimeOnly)
	switch n.Event {
	case "filling":
		fmt.Fprintf(e.stderr, "%s filling: %d more\n", at, n.Permitted)
	case "dry-run":
		fmt.Fprintf(e.stdout, "%d are permitted; nothing was written\n", n.Permitted)
	case "lost":
		fmt.Fprintf(e.stderr, "%s %s; trying again, and the view empties itself meanwhile\n", at, n.Error)
	case "reset":
		fmt.Fprintf(e.stderr, "%s another policy is in force: beginning anew\n", at)
	default:
		fmt.Fprintf(e.stderr, "%s %s: %d permitted, %d withdrawn\n", at, n.Event, n.Permitted, n.Withdrawn)
	}
}
