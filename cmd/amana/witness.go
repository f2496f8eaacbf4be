package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/witness"
)

// witnessAt is a witness that the server asks to co-sign its log.
type witnessAt struct {
	URL string // submission prefix
	Key string // verifier key
}

// witnessOf reads URL=KEY.
func witnessOf(s string) (witnessAt, error) {
	i := strings.LastIndex(s, "=")
	if i < 0 {
		return witnessAt{}, fmt.Errorf("%q is not like https://witness.example=NAME+NUMBER+KEY", s)
	}
	w := witnessAt{s[:i], s[i+1:]}
	_, err := witness.NewClient(w.URL, w.Key)
	return w, err
}

// witnessesIn reads the witnesses of a server.yaml, a list of {url, key}.
func witnessesIn(value *yaml.Node) ([]witnessAt, error) {
	var list []map[string]string
	if err := value.Decode(&list); err != nil {
		return nil, errors.New("must be a list of {url: https://witness.example, key: NAME+NUMBER+KEY}")
	}
	var out []witnessAt
	for _, m := range list {
		for k := range m {
			if k != "url" && k != "key" {
				return nil, fmt.Errorf("no such key %q; a witness has url and key", k)
			}
		}
		if _, err := witness.NewClient(m["url"], m["key"]); err != nil {
			return nil, err
		}
		out = append(out, witnessAt{m["url"], m["key"]})
	}
	return out, nil
}

// collect brings new heads of the log to the witnesses, each at its own pace.
func (h *house) collect(ctx context.Context, list []witnessAt, log *slog.Logger) error {
	for _, w := range list {
		c, err := witness.NewClient(w.URL, w.Key)
		if err != nil {
			return err
		}
		h.upkeep.Go(func() { witness.Collect(ctx, h.in.db, c, log) })
	}
	return nil
}

func runWitness(ctx context.Context, e env, args []string) error {
	fs := find("witness").flags(e)
	listen := fs.String("listen", "127.0.0.1:8090", "address of its door, behind your TLS proxy")
	dir := fs.String("dir", "amana-witness", "folder of its key and of what it has seen; made if it is not there")
	host, _ := os.Hostname()
	name := fs.String("name", "", "of its key, made at the first start: an address without https:// (default "+host+"/witness)")
	var logs []witness.Log
	fs.Func("log", "a log to watch: its verifier KEY, or KEY=/PREFIX if it submits below a prefix; a second key of one log is for its hand-over", func(s string) error {
		return watchLog(&logs, s)
	})
	var lists [][]ledger.Signer
	fs.Func("signers", "file with a log's list of its keys (its /log/signers): whom the key in --log handed over to may sign too; may be repeated", func(s string) error {
		list, err := readSigners(s)
		lists = append(lists, list)
		return err
	})
	operands, err := parse(fs, args)
	if err == nil {
		err = followKeys(logs, lists)
	}
	if err != nil {
		return err
	}
	if len(operands) > 0 || len(logs) == 0 {
		return errors.New("say which logs to watch: amana witness --log 'example.com/log+0a1b2c3d+A…'")
	}
	if *name == "" && !exists(filepath.Join(*dir, witness.KeyFile)) {
		*name = host + "/witness"
	}
	w, err := witness.Open(witness.Config{Dir: *dir, Name: *name, Logs: logs, Now: time.Now})
	if err != nil {
		return no(err)
	}
	defer w.Close()
	return serveWitness(ctx, e, w, *listen)
}

// watchLog adds a key to the logs: a new log, or another key of one.
func watchLog(logs *[]witness.Log, s string) error {
	key, prefix := s, ""
	if i := strings.LastIndex(s, "=/"); i >= 0 {
		key, prefix = s[:i], s[i+1:]
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return errors.New("not a verifier key such as example.com/log+0a1b2c3d+A…")
	}
	for i, l := range *logs {
		if l.Keys[0].Name() == v.Name() && l.Prefix == prefix {
			(*logs)[i].Keys = append(l.Keys, v)
			return nil
		}
	}
	*logs = append(*logs, witness.Log{Keys: []note.Verifier{v}, Prefix: prefix})
	return nil
}

// followKeys gives each log the list of its keys, by its name.
func followKeys(logs []witness.Log, lists [][]ledger.Signer) error {
	for _, list := range lists {
		name, _, _ := strings.Cut(list[0].Key, "+")
		i := slices.IndexFunc(logs, func(l witness.Log) bool { return l.Keys[0].Name() == name })
		if i < 0 {
			return fmt.Errorf("--signers lists the keys of %s, which no --log names", name)
		}
		logs[i].Signers = list
	}
	return nil
}

func serveWitness(ctx context.Context, e env, w *witness.Witness, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return no(fmt.Errorf("opening the witness's door: %w; --listen gives it another address", err))
	}
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	s := &http.Server{Handler: w.Handler(log), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	if _, err := fmt.Fprintf(e.stdout, "witness      http://%s\nwitness key  %s\n", l.Addr(), w.Key()); err != nil {
		return errors.Join(err, s.Close()) // nobody was told its key
	}
	select {
	case err := <-failed:
		return no(fmt.Errorf("the witness's door failed: %w", err))
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return s.Shutdown(closing)
}
