package keyring

import (
	"fmt"
	"time"
)

// Listed is a key as a list of keys shows it. It never holds the key.
type Listed struct {
	Name    string    `json:"key"`               // master, bucket, index, suppression, feed, shard, link, ledger
	Version int       `json:"version,omitempty"` // where the key has one
	State   State     `json:"state"`
	Made    time.Time `json:"made,omitzero"`    // zero where nobody wrote it down
	Detail  string    `json:"detail,omitempty"` // where it comes from, its verifier key, how far it is
}

// State says what a key is for now.
type State string

// The states.
const (
	InForce  State = "in force"
	Older    State = "older"    // still there, beside the one in force
	Coming   State = "coming"   // made, and not in force yet
	Changing State = "changing" // some of it is old, some new
)

// List lists the keys as the files say now.
func (r *Ring) List() ([]Listed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.look(); err != nil {
		return nil, err
	}
	v := r.view.Load()
	out := []Listed{r.listMaster(v), v.listBuckets()}
	for _, k := range []struct {
		name string
		list []Versioned
	}{{"index", v.secret.Index}, {"suppression", v.secret.Suppression}, {"feed", v.secret.Feed}} {
		for i, one := range newestFirst(k.list) {
			state := InForce
			if i > 0 {
				state = Older
			}
			out = append(out, Listed{Name: k.name, Version: one.Version, State: state, Made: one.Made})
		}
	}
	out = append(out, Listed{Name: "shard", State: InForce}, Listed{Name: "link", State: InForce})
	return append(out, v.secret.listLogs()...), nil
}

func (r *Ring) listMaster(v *view) Listed {
	l := Listed{Name: "master", State: InForce, Detail: r.source.String()}
	if v.ring.master != v.bucket.master || r.disk.has(masterFile+upcoming) || r.disk.has(identityFile+upcoming) {
		l.State = Changing
	}
	if k, ok := r.source.(kept); ok && k.name == identityFile && r.disk.has(masterFile) {
		l.State, l.Detail = Changing, l.Detail+", and still in a file"
	}
	return l
}

func (v *view) listBuckets() Listed {
	l := Listed{Name: "bucket", State: InForce, Detail: fmt.Sprintf("%d of them", Buckets)}
	switch {
	case v.round != noRound:
		l.State, l.Detail = Changing, fmt.Sprintf("%d of %d are new", v.round, Buckets)
	case len(v.pending) > 0:
		l.State, l.Detail = Changing, fmt.Sprintf("%d of %d have two keys", len(v.pending), Buckets)
	}
	return l
}

func (s *secrets) listLogs() (out []Listed) {
	for i, k := range s.Logs {
		state := InForce
		if i < len(s.Logs)-1 {
			state = Older
		}
		out = append(out, Listed{Name: "ledger", Version: i + 1, State: state, Made: k.Made, Detail: k.Verifier})
	}
	if k := s.NextLog; k != nil {
		out = append(out, Listed{Name: "ledger", Version: len(s.Logs) + 1, State: Coming, Made: k.Made, Detail: k.Verifier})
	}
	return out
}
