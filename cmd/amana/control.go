package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// maxSocketPath is what every Unix takes; some take a little more.
const maxSocketPath = 103

// serveControl answers verbs of the same machine's operator over
// DIR/control.sock, which only the owner of the folder may open.
func serveControl(in *installation) (*http.Server, error) {
	path := filepath.Join(in.dir, "control.sock")
	if len(path) > maxSocketPath {
		return nil, fault.New(fault.Invalid, "the path of the folder is too long: %s has %d bytes, a socket's path at most %d", path, len(path), maxSocketPath)
	}
	os.Remove(path) // the lock is ours: nobody listens on what a crash left
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	op := local{in}
	mux := http.NewServeMux()
	mux.Handle("POST /publish", controlled(op.Publish))
	mux.Handle("POST /token", controlled(op.CreateToken))
	mux.Handle("POST /decide", controlled(op.Decide))
	mux.Handle("POST /erase", controlled(op.Erase))
	mux.Handle("POST /kept", controlled(op.OpenKept))
	mux.Handle("POST /check", controlled(op.Check))
	mux.Handle("POST /history", controlled(op.History))
	mux.Handle("POST /import", streamed(op.Import))
	mux.Handle("POST /export", streamed(op.Export))
	mux.Handle("POST /move", streamed(op.Move))
	mux.Handle("POST /keys", controlled(op.Keys))
	mux.Handle("POST /rotate", streamed(op.Rotate))
	mux.Handle("POST /scrub", streamed(op.Scrub))
	mux.Handle("POST /backup", streamed(op.Backup))
	mux.Handle("POST /keyring", streamed(op.CopyKeyring))
	mux.Handle("POST /tombstones", streamed(op.Tombstones))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l)
	return s, nil
}

// refusal is an error on its way through the socket.
type refusal struct {
	Kind  fault.Kind `json:"kind"`
	Words string     `json:"error"`
}

func controlled[In, Out any](do func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		var out any
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&in)
		if err == nil {
			out, err = do(r.Context(), in)
		}
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			out = refusal{fault.KindOf(err), err.Error()}
		}
		json.NewEncoder(w).Encode(out)
	})
}

// remote is an operator on an installation that another process serves.
type remote struct{ socket string }

func (r remote) Publish(ctx context.Context, in publishRequest) (out published, err error) {
	return out, r.call(ctx, "/publish", in, &out)
}

func (r remote) CreateToken(ctx context.Context, in tokenRequest) (out tokenMade, err error) {
	return out, r.call(ctx, "/token", in, &out)
}

func (r remote) Decide(ctx context.Context, in decideRequest) (out decided, err error) {
	return out, r.call(ctx, "/decide", in, &out)
}

func (r remote) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the running server: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var no refusal
		if err := json.NewDecoder(resp.Body).Decode(&no); err != nil {
			return fmt.Errorf("asking the running server: %w", err)
		}
		return &fault.Error{Kind: no.Kind, Words: no.Words}
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
