package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

func runServe(ctx context.Context, e env, args []string) error {
	c := defaults()
	fs := find("serve").flags(e)
	dir := fs.String("dir", "amana-data", "folder of the installation; made if it is not there")
	file := fs.String("policy", "", "the policy; published if none was ever, compared with the one in force otherwise")
	configFile := fs.String("config", "", "server.yaml: addresses, public URL, trusted proxies")
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
	var p *policyFile
	if *file != "" {
		read, err := loadPolicy(*file)
		if err != nil {
			return no(err)
		}
		p = &read
	}
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	h, err := openHouse(ctx, c, *dir, p, log, nil)
	if err != nil {
		return startFailed(err)
	}
	if strings.HasPrefix(h.publicURL, "https:") && len(c.TrustedProxies) == 0 {
		log.Warn("no trusted_proxies: behind a proxy all customers count as one address, and share one limit")
	}
	fmt.Fprintf(e.stdout, "public door   http://%s\ncompany door  http://%s\ncustomers     %s\nlog key       %s\nnext: amana token create --name my-shop --scope consent:write --scope decide --dir %s\n",
		h.public.Addr(), h.company.Addr(), h.publicURL, h.in.db.LogKey(), *dir)
	err = h.wait(ctx)
	if cerr := h.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return no(err)
	}
	fmt.Fprintln(e.stdout, "stopped; everything acknowledged is on the disk")
	return nil
}

// startFailed keeps the exit code an error brings; any other error at the start
// is not a matter of wrong use.
func startFailed(err error) error {
	if exit, ok := asExit(err); ok {
		return exit
	}
	return no(err)
}
