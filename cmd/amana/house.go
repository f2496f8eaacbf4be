package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/courier"
	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/web"
)

// house is a running server: both doors and the control socket on one
// installation. Run waits; Close stops gracefully.
type house struct {
	in              *installation
	public, company net.Listener
	publicURL       string
	servers         []*http.Server
	failed          chan error
	stopUpkeep      context.CancelFunc
	upkeep          sync.WaitGroup
}

// stopWithin is how long requests under way get when the server stops.
const stopWithin = 10 * time.Second

// openHouse opens the installation and both doors. A policy is published where
// none was ever; prepare may do more before the doors open.
func openHouse(ctx context.Context, c config, at place, p *policyFile, log *slog.Logger, prepare func(*installation) error) (_ *house, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	h := &house{failed: make(chan error, 3), stopUpkeep: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.public, err = net.Listen("tcp", c.Public); err != nil {
		return nil, fmt.Errorf("opening the public door: %w; --public gives it another address", err)
	}
	if h.company, err = net.Listen("tcp", c.Company); err != nil {
		return nil, fmt.Errorf("opening the company door: %w; --company gives it another address", err)
	}
	if h.publicURL = c.PublicURL; h.publicURL == "" {
		h.publicURL = "http://" + h.public.Addr().String()
	}
	var pol *policy.Policy
	if p != nil {
		pol = p.doc.Policy
	}
	at = at.environment().or(c.At)
	at.mails = c.SMTP.on()
	if h.in, err = open(ctx, at, h.publicURL, pol); err != nil {
		return nil, err
	}
	if err = firstPolicy(ctx, h.in, p); err != nil {
		return nil, err
	}
	if prepare != nil {
		if err = prepare(h.in); err != nil {
			return nil, err
		}
	}
	return h, h.start(ctx, c, log)
}

// firstPolicy publishes the policy into an empty store. A store that has
// another one in force stays as it is: publishing is a person's act.
func firstPolicy(ctx context.Context, in *installation, p *policyFile) error {
	inForce := in.db.InForce()
	switch {
	case p == nil && inForce == nil:
		return errors.New("no policy was published here yet: --policy amana.yaml says which")
	case p == nil:
		return nil
	case inForce != nil && inForce.ID != p.doc.ID:
		return no(fmt.Errorf("%s differs from the policy in force (%s); to publish it:\n  amana policy publish %s --dir %s [--same-meaning PURPOSE]… --by NAME",
			p.doc.Name, inForce.ID, p.doc.Name, in.dir))
	case inForce == nil:
		mark, err := p.logo()
		if err != nil {
			return err
		}
		if err := in.keepLogo(p.doc.Policy, mark); err != nil {
			return err
		}
		if _, err := in.db.Publish(ctx, p.doc, nil, p.doc.Policy.Organization.LegalName.In(p.doc.Policy.Master())); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) start(ctx context.Context, c config, log *slog.Logger) error {
	if err := h.in.loadLogo(); err != nil {
		log.Warn("the pages are shown without a logo", "error", err)
	}
	proxies, err := networksIn("trusted_proxies", c.TrustedProxies)
	if err != nil {
		return err
	}
	near, err := networksIn("webhook_networks", c.WebhookNetworks)
	if err != nil {
		return err
	}
	hooks := courier.New(courier.Config{Store: h.in.db, Log: log.With("door", "webhook"), Networks: near})
	text, err := c.texts(log)
	if err != nil {
		return err
	}
	h.serve(h.public, web.New(web.Config{Store: h.in.db, SMS: text.send(), PublicURL: h.publicURL, Log: log.With("door", "public"), LinkKey: h.in.ring.Link("receipt"),
		Logo: h.in.logo.Load, TrustedProxies: proxies, Origins: c.Origins}))
	h.in.publisher = publisher.New(ctx, publisher.Config{Store: h.in.db, Ring: h.in.ring, Dir: h.in.dir, Log: log})
	rules, err := fixture(c.Fixture, h.company.Addr(), log)
	if err != nil {
		return err
	}
	h.serve(h.company, api.New(api.Config{Store: h.in.db, Publisher: h.in.publisher, Log: log.With("door", "company"), Version: versionText(), PublicURL: h.publicURL, URL: c.CompanyURL, Fixture: rules, Courier: hooks,
		Rate: c.Limits.Rate, Burst: c.Limits.Burst, InFlight: c.Limits.AtOnce, Timeout: c.Limits.timeout()}))
	control, err := serveControl(h.in)
	if err != nil {
		return err
	}
	h.servers = append(h.servers, control)
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stopUpkeep = stop
	h.upkeep.Go(func() { h.shred(keep, log) })
	h.upkeep.Go(func() { h.in.outside.run(keep, log) })
	if text.Sender != nil {
		h.upkeep.Go(func() { text.Run(keep) })
	}
	if c.SMTP.on() {
		engine, err := c.SMTP.engine(h.in.db, h.publicURL, log.With("engine", "mail"))
		if err != nil {
			return err
		}
		h.upkeep.Go(func() { engine.Run(keep) })
	}
	h.upkeep.Go(func() { hooks.Run(keep) })
	h.upkeep.Go(func() { (&fulfil.Engine{Store: h.in.db, Log: log}).Run(keep) })
	return h.collect(keep, c.Witnesses, log)
}

func (h *house) serve(l net.Listener, handler http.Handler) {
	s := server(handler)
	h.servers = append(h.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- err
		}
	}()
}

// shredEvery keeps the promise that an erased person's old keys are gone within
// an hour. What an earlier run left is destroyed at the start. Addresses that
// nobody confirmed in time are erased just before.
const shredEvery = 20 * time.Minute

func (h *house) shred(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(shredEvery)
	defer tick.Stop()
	for {
		if err := h.in.db.EraseUnconfirmed(ctx); err != nil && ctx.Err() == nil {
			log.Error("addresses that nobody confirmed could not be erased yet", "error", err)
		}
		if err := h.in.db.Shred(ctx); err != nil && ctx.Err() == nil {
			log.Error("old keys could not be destroyed yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// wait returns when ctx is done or a door fails.
func (h *house) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-h.failed:
		return fmt.Errorf("a door failed: %w", err)
	}
}

// close stops taking requests, lets those under way finish, and closes the store.
func (h *house) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	h.stopUpkeep()
	if h.in != nil && h.in.publisher != nil {
		h.in.publisher.Close() // replicas are told to go
	}
	var errs []error
	for _, s := range h.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	h.upkeep.Wait()
	if len(h.servers) == 0 {
		for _, l := range []net.Listener{h.public, h.company} {
			if l != nil {
				errs = append(errs, l.Close())
			}
		}
	}
	if h.in != nil {
		errs = append(errs, h.in.close())
	}
	return errors.Join(errs...)
}
