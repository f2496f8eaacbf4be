package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
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
	url                  string // where programs find it, "" as they asked
	ask                  string // token that whoever asks has to bring
	limits               limitsConfig
}

func (r *replicaConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&r.of, "replica-of", "", "company door of a server to follow, such as http://10.0.0.5:8081: answer decisions in its place, from memory, and serve nothing else")
	fs.StringVar(&r.token, "token", "", "with --replica-of: token of the scope feed; AMANA_TOKEN says it, too, and shows it to fewer")
	fs.StringVar(&r.key, "log-key", "", "with --replica-of: the log key of the server, as its amana serve prints it")
	fs.StringVar(&r.file, "snapshot", "", "with --replica-of: file that keeps what is known, to start quickly")
	fs.StringVar(&r.ask, "ask-token", "", "with --replica-of: token that whoever asks has to bring; AMANA_ASK_TOKEN says it, too. Without one the door has to be on 127.0.0.1")
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
	s := server(api.New(api.Config{Replica: f, ReplicaToken: c.ask, Log: log, Version: versionText(), URL: c.url,
		Rate: c.limits.Rate, Burst: c.limits.Burst, InFlight: c.limits.AtOnce, Timeout: c.limits.timeout()}))
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
	return ended(exitNo, errors.Join(err, s.Shutdown(last), f.Close()))
}

// server gives a door's server.
func server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}
