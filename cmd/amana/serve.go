package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

func runServe(ctx context.Context, e env, args []string) error {
	c := defaults()
	fs := find("serve").flags(e)
	var at place
	at.flags(fs, "amana-data")
	file := fs.String("policy", "", "the policy; published if none was ever, compared with the one in force otherwise")
	configFile := fs.String("config", "", "server.yaml: addresses, public URL, trusted proxies")
	asJSON := fs.Bool("json", false, "print one JSON line as soon as both doors answer")
	var replica replicaConfig
	replica.flags(fs)
	apply := c.override(fs)
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return fmt.Errorf("serve takes no operand; --policy %s?", operands[0])
	}
	if *configFile != "" {
		if err := c.readFile(*configFile); err != nil {
			return err
		}
	}
	c.readEnv(os.Getenv)
	apply()
	if replica.of != "" {
		if err := c.check(); err != nil {
			return err
		}
		replica.address, replica.url, replica.limits = c.Company, c.CompanyURL, c.Limits
		return runReplica(ctx, e, replica, *asJSON)
	}
	roomToWrite()
	var p *policyFile
	if *file != "" {
		read, err := loadPolicy(*file)
		if err != nil {
			return no(err)
		}
		p = &read
	}
	return serve(ctx, e, c, at, p, *asJSON)
}

// serve opens both doors until ctx is done; p is the policy to publish, or to compare
// with the one in force, nil where none was named.
func serve(ctx context.Context, e env, c config, at place, p *policyFile, asJSON bool) error {
	log, err := newLog(e.stderr)
	if err != nil {
		return err
	}
	h, err := openHouse(ctx, c, at, p, log, nil)
	if err != nil {
		return startFailed(err)
	}
	if strings.HasPrefix(h.publicURL, "https:") && len(c.TrustedProxies) == 0 {
		log.Warn("no trusted_proxies: behind a proxy all customers count as one address, and share one limit")
	}
	if err := tellServing(e, h, at.dir, asJSON); err != nil {
		return errors.Join(err, h.close())
	}
	err = h.wait(ctx)
	if cerr := h.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return no(err)
	}
	if !asJSON {
		fmt.Fprintln(e.stdout, "stopped; everything acknowledged is on the disk")
	}
	return nil
}

// servingLine is what serve --json prints, once.
type servingLine struct {
	Public    string `json:"public"`
	Company   string `json:"company"`
	Customers string `json:"customers"` // where they find the public door
	Dir       string `json:"dir"`
	LogKey    string `json:"log_key"`
}

func tellServing(e env, h *house, dir string, asJSON bool) error {
	line := servingLine{"http://" + h.public.Addr().String(), "http://" + h.company.Addr().String(), h.publicURL, dir, h.in.db.LogKey()}
	if asJSON {
		return json.NewEncoder(e.stdout).Encode(line)
	}
	_, err := fmt.Fprintf(e.stdout, "public door   %s\ncompany door  %s\ncustomers     %s\nlog key       %s\nnext: amana token create --name my-shop --scope consent:write --scope decide --dir %s\n",
		line.Public, line.Company, line.Customers, line.LogKey, dir)
	return err
}

// startFailed keeps the exit code an error brings; any other error at the start
// is not a matter of wrong use.
func startFailed(err error) error {
	if exit, ok := asExit(err); ok {
		return exit
	}
	return no(err)
}
