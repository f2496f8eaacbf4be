package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/follower"
)

// replicaConfig is what serve needs in the place of an installation.
type replicaConfig struct {
	of, token, key, file string
	address              string // of the door
	ask                  string // token that whoever asks has to bring
}

// replicaLine is what serve --replica-of --json prints, once.
type replicaLine struct {
	Replica string `json:"replica"`
	Of      string `json:"of"`
}

// runReplica answers for decisions alone, from what a server is followed to say.
// It answers at once: stale, until it has caught up.
func runReplica(ctx context.Context, e env, c replicaConfig, asJSON bool) error {
	if c.token == "" {
		c.token = os.Getenv("AMANA_TOKEN")
	}
	if c.ask == "" {
		c.ask = os.Getenv("AMANA_ASK_TOKEN")
	}
	log, err := newLog(e.stderr)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.address)
	if err != nil {
		return no(fmt.Errorf("opening the door: %w; --company gives it another address", err))
	}
	if at, ok := l.Addr().(*net.TCPAddr); c.ask == "" && (!ok || !at.IP.IsLoopback()) {
		return errors.Join(no(errors.New("others reach this address: say with --ask-token which token they have to bring")), l.Close())
	}
	f, err := follower.Start(ctx, follower.Config{URL: c.of, Token: c.token, Key: c.key, File: c.file, Log: log})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s := server(api.New(api.Config{Replica: f, ReplicaToken: c.ask, Log: log, Version: versionText()}))
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	line := replicaLine{"http://" + l.Addr().String(), c.of}
	if asJSON {
		err = json.NewEncoder(e.stdout).Encode(line)
	} else {
		_, err = fmt.Fprintf(e.stdout, "replica  %s\nof       %s\n", line.Replica, line.Of)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	last, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err = errors.Join(err, s.Shutdown(last), f.Close()); err != nil {
		return no(err)
	}
	return nil
}

// server gives a door's server.
func server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}
