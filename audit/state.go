package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// stateForm names the form of a state file.
const stateForm = "amana-audit-state-v1"

// State is what an audit remembers of the one before: the head that it
// verified, and enough of the tree to go on from there.
type State struct {
	Form       string        `json:"form"`
	Signers    []Signer      `json:"signers"`    // oldest first
	Checkpoint string        `json:"checkpoint"` // signed by one of them
	Edge       []tlog.Hash   `json:"edge"`       // roots of the full trees under it, largest first
	NextRecord int64         `json:"next_record"`
	Policies   []Publication `json:"policies"` // in the order of their leaves
}

// Signer is a key of the log, with the largest size it may sign: that at which
// it was handed over. 0 is no end. A chain of hand-overs is a list of them.
type Signer struct {
	Key   string `json:"key"`
	Until int64  `json:"until,omitempty"`
}

// Publication is a policy that was put in force, as the log has it.
type Publication struct {
	Leaf   int64            `json:"leaf"`
	Policy policy.VersionID `json:"policy"`
	Time   string           `json:"time"`
}

// ReadState reads a state file; nil where there is none yet. A file that does
// not agree with itself is an error.
func ReadState(file string) (*State, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	var s State
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || s.Form != stateForm {
		return nil, fmt.Errorf("%s is not the state of an audit", file)
	}
	if _, _, err := s.open(); err != nil {
		return nil, fmt.Errorf("%s was changed or is damaged: %w", file, err)
	}
	return &s, nil
}

// open gives the head of a state and the edge under it, held to one another.
func (s *State) open() (ledger.Checkpoint, *ledger.Edge, error) {
	keys, err := verifiers(s.Signers)
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	c, _, err := ledger.OpenHead(s.Checkpoint, keys)
	if err != nil {
		return c, nil, err
	}
	edge, err := ledger.EdgeOf(c.Size, s.Edge)
	if err != nil {
		return c, nil, err
	}
	if edge.Root() != c.Root {
		return c, nil, errors.New("its tree is not that of its head")
	}
	return c, edge, nil
}

// Write replaces a state file, so that after a crash the old one is there or
// the new one, whole.
func (s *State) Write(file string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping the state: %w", err)
		}
	}()
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func verifiers(signers []Signer) ([]note.Verifier, error) {
	var out []note.Verifier
	for _, s := range signers {
		v, err := note.NewVerifier(s.Key)
		if err != nil {
			return nil, fmt.Errorf("%q is not a verifier key such as example.com/log+0a1b2c3d+A…", s.Key)
		}
		out = append(out, v)
	}
	return out, nil
}

// signers gives the keys to begin with: those of the state, else the one that
// was given.
func signers(key string, s *State) ([]Signer, error) {
	if s == nil && key == "" {
		return nil, nil
	}
	if s == nil {
		return []Signer{{Key: key}}, nil
	}
	if len(s.Signers) == 0 {
		return nil, errors.New("the state names no key")
	}
	return slices.Clone(s.Signers), nil
}
