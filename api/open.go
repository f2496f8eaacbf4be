package api

import (
	"context"
	_ "embed"
	"net/http"

	"github.com/amana-privacy/amana/fault"
)

// description is the OpenAPI document. It is written by
// go test ./api -run TestDescription -update.
//
//go:embed openapi.json
var description []byte

func (d *door) describe(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-cache") // to be kept, and asked about
	return sendTagged(w, r, description)
}

// wellness is the answer of /healthz and /readyz.
type wellness struct {
	Status  string `json:"status" enum:"ok|ready" doc:"That it is well."`
	Version string `json:"version,omitempty" doc:"Of the program."`
}

// health says that the process answers.
func (d *door) health(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, wellness{"ok", d.Version})
}

// ready says that questions can be answered and answers be kept: a policy is in
// force, the database can be read, and the last batch could be written.
func (d *door) ready(w http.ResponseWriter, r *http.Request) error {
	err := d.readiness(r.Context())
	d.noteReady(r.Context(), err)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, wellness{Status: "ready"})
}

func (d *door) readiness(ctx context.Context) error {
	if d.Replica != nil {
		if err := d.Replica.Ready(); err != nil {
			return &fault.Error{Kind: fault.Overloaded, Words: "the replica is stale: " + err.Error(), Err: err}
		}
		return nil
	}
	if d.InForce() == nil {
		return fault.New(fault.Overloaded, "no policy is in force yet")
	}
	if _, err := d.Store.Token(ctx, ""); fault.KindOf(err) != fault.Denied { // no token has no secret; finding that out reads
		return &fault.Error{Kind: fault.Overloaded, Words: "the database cannot be read", Err: err}
	}
	if err := d.Store.Writable(); err != nil {
		return &fault.Error{Kind: fault.Overloaded, Words: "the database could not be written the last time", Err: err}
	}
	return nil
}

// noteReady logs where readiness has changed since it was asked for last: whoever
// watches asks every second.
func (d *door) noteReady(ctx context.Context, err error) {
	if ctx.Err() != nil { // nobody waited for the answer
		return
	}
	switch was := d.unready.Swap(err != nil); {
	case err != nil && !was:
		d.Log.WarnContext(ctx, "not ready", "err", err)
	case err == nil && was:
		d.Log.InfoContext(ctx, "ready again")
	}
}
