package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/subject"
)

// Passkeys (https://www.w3.org/TR/webauthn-3/) that let an identifier's owner in.
// A row is found by the handle that the authenticator keeps, which is random, and
// an HMAC of the credential's id; what it says is sealed under the data key of
// the subject, and goes with it.

// Kinds of passes that hold the challenge of a passkey, for once.
const (
	PasskeyAdd = "passkey-add"
	PasskeyIn  = "passkey-in"
)

// MaxPasskeys is how many passkeys an identifier has at most.
const MaxPasskeys = 10

// Why a passkey is not added.
var (
	ErrNothingKept     = fault.New(fault.Conflict, "nothing is kept of this identifier, and a passkey alone is not kept")
	ErrTooManyPasskeys = fault.New(fault.Conflict, "an identifier has no more than %d passkeys", MaxPasskeys)
)

// Passkey is one passkey of an identifier.
type Passkey struct {
	Handle     []byte     // of NewHandle
	Owner      subject.ID // whom it lets in
	Credential []byte     // the authenticator's id of it
	Label      string     // what browser added it, in a few words
	Data       []byte     // of the door: its public key, and how often it signed
	Made, Used time.Time  // set by the store
}

// ID names a passkey in a list of its owner's.
func (p Passkey) ID() string { return base64.RawURLEncoding.EncodeToString(p.Handle) }

// sealedPasskey is a passkey as it is sealed.
type sealedPasskey struct {
	Credential []byte `json:"i"`
	Label      string `json:"l,omitempty"`
	Data       []byte `json:"d"`
}

const handleBytes = 32

// NewHandle makes the handle of a passkey: random, but for the shard.
func (db *DB) NewHandle(owner subject.ID) []byte {
	h := make([]byte, handleBytes)
	rand.Read(h)
	h[0] = byte(db.placeOf(owner).shard)
	return h
}

func (db *DB) passkeyTag(credential []byte) []byte {
	return tag(db.cfg.Ring.Link("portal"), "amana/passkey/v1\n", string(credential))
}

func passkeyContext(handle []byte) []byte {
	return append([]byte("amana/passkey/v1/"), handle...)
}

func (k Passkey) seal(p *person) ([]byte, error) {
	plain, err := json.Marshal(sealedPasskey{k.Credential, k.Label, k.Data})
	if err != nil {
		return nil, err
	}
	return keyring.Seal(p.keys.Data, passkeyContext(k.Handle), plain), nil
}

func (k *Passkey) unseal(p *person, sealed []byte) error {
	plain, err := keyring.Unseal(p.keys.Data, passkeyContext(k.Handle), sealed)
	if err != nil {
		return fmt.Errorf("opening a passkey: %w", err)
	}
	var s sealedPasskey
	if err := json.Unmarshal(plain, &s); err != nil {
		return fmt.Errorf("reading a passkey: %w", err)
	}
	k.Owner, k.Credential, k.Label, k.Data = p.name, s.Credential, s.Label, s.Data
	return nil
}

// AddPasskey keeps a passkey, and writes to every address of the person; it
// returns when both are durable. All are told of, so that phones may be too. An identifier of which nothing is kept has
// none: ErrNothingKept. One that is there already is fault.Conflict.
func (db *DB) AddPasskey(ctx context.Context, k Passkey, language string) (told []Notice, err error) {
	err = db.write(ctx, func(t *tx) error {
		p, err := t.holder(k.Owner)
		if err != nil {
			return err
		}
		if p == nil {
			return ErrNothingKept
		}
		var n int
		if _, err := t.row(`SELECT count(*) FROM passkey WHERE shard_id = ? AND subject_id = ?`, []any{p.id.Shard(), p.id[:]}, &n); err != nil {
			return err
		}
		if n >= MaxPasskeys {
			return ErrTooManyPasskeys
		}
		var there bool
		if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM passkey WHERE shard_id = ? AND tag = ?)`, []any{p.id.Shard(), db.passkeyTag(k.Credential)}, &there); err != nil {
			return err
		}
		if there || len(k.Handle) != handleBytes || int(k.Handle[0]) != p.id.Shard() {
			return fault.New(fault.Conflict, "the passkey is there already, or is not of this identifier")
		}
		sealed, err := k.seal(p)
		if err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO passkey (shard_id, handle, subject_id, tag, made, used, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			p.id.Shard(), k.Handle, p.id[:], db.passkeyTag(k.Credential), millis(t.now), millis(t.now), sealed); err != nil {
			return err
		}
		told, err = t.tellPasskey(letter.PasskeyAdded, p, language)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("adding a passkey: %w", err)
	}
	return told, nil
}

// tellPasskey has every address of a person know of a passkey of one of them.
func (t *tx) tellPasskey(kind letter.Kind, p *person, language string) (told []Notice, err error) {
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return nil, err
	}
	for _, who := range append(others, p) {
		to := Notice{ID: who.name}
		if err := t.tellMail(kind, who, language, to); err != nil {
			return nil, err
		}
		told = append(told, to)
	}
	return told, nil
}

// MayHavePasskeys reports whether anything is kept of an identifier, so that a
// passkey may be.
func (db *DB) MayHavePasskeys(ctx context.Context, id subject.ID) (bool, error) {
	p, err := db.lookup(db.reader(ctx), id)
	return p != nil, err
}

// holder reads a subject with its shard locked; nil where there is none.
func (t *tx) holder(id subject.ID) (*person, error) {
	if err := t.lock(t.db.placeOf(id).shard); err != nil {
		return nil, err
	}
	return t.db.lookup(t.row, id)
}

// UsePasskey finds the passkey of a credential and a handle, and has it checked:
// check gives what is kept of it from then on, or why it lets nobody in. It may
// run more than once. Of several at once one is after the other, so that what a
// passkey counts is not lost. What is not there is fault.Denied.
func (db *DB) UsePasskey(ctx context.Context, credential, handle []byte, check func(Passkey) ([]byte, error)) (k Passkey, err error) {
	if len(handle) != handleBytes {
		return Passkey{}, errPass
	}
	err = db.write(ctx, func(t *tx) error {
		shard := int(handle[0])
		if err := t.lock(shard); err != nil {
			return err
		}
		var of, sealed []byte
		ok, err := t.row(`SELECT subject_id, sealed FROM passkey WHERE shard_id = ? AND handle = ? AND tag = ?`, []any{shard, handle, db.passkeyTag(credential)}, &of, &sealed)
		if err != nil {
			return err
		}
		if !ok || len(of) != len(keyring.SubjectID{}) {
			return errPass
		}
		p, err := db.byID(t.row, keyring.SubjectID(of))
		if err != nil {
			return err
		}
		if p == nil {
			return errPass
		}
		k = Passkey{Handle: handle}
		if err := k.unseal(p, sealed); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(k.Credential, credential) != 1 {
			return errPass
		}
		if k.Data, err = check(k); err != nil {
			return err
		}
		if sealed, err = k.seal(p); err != nil {
			return err
		}
		return t.exec(`UPDATE passkey SET used = ?, sealed = ? WHERE shard_id = ? AND handle = ?`, millis(t.now), sealed, shard, handle)
	})
	if err != nil {
		return Passkey{}, fmt.Errorf("using a passkey: %w", err)
	}
	return k, nil
}

// Passkeys lists the passkeys of some identifiers, the last added first.
func (db *DB) Passkeys(ctx context.Context, owners ...subject.ID) (list []Passkey, err error) {
	for _, o := range owners {
		p, err := db.lookup(db.reader(ctx), o)
		if err == nil && p != nil {
			list, err = db.passkeysOf(ctx, list, p)
		}
		if err != nil {
			return nil, fmt.Errorf("listing passkeys: %w", err)
		}
	}
	slices.SortFunc(list, func(a, b Passkey) int {
		return cmp.Or(b.Made.Compare(a.Made), slices.Compare(a.Handle, b.Handle))
	})
	return list, nil
}

func (db *DB) passkeysOf(ctx context.Context, list []Passkey, p *person) ([]Passkey, error) {
	rows, err := db.readRows(ctx)(`SELECT handle, made, used, sealed FROM passkey WHERE shard_id = ? AND subject_id = ?`, p.id.Shard(), p.id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k Passkey
		var made, used int64
		var sealed []byte
		if err := rows.Scan(&k.Handle, &made, &used, &sealed); err != nil {
			return nil, err
		}
		if err := k.unseal(p, sealed); err != nil {
			return nil, err
		}
		k.Made, k.Used = fromMillis(made), fromMillis(used)
		list = append(list, k)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// RemovePasskey takes away a passkey of one of some identifiers, by its ID, and
// writes to every address of the person, as AddPasskey does. Sessions that it
// began are the caller's to end. One that is not there is no error.
func (db *DB) RemovePasskey(ctx context.Context, id, language string, owners ...subject.ID) (told []Notice, err error) {
	handle, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(handle) != handleBytes {
		return nil, nil
	}
	err = db.write(ctx, func(t *tx) error {
		told = nil
		for _, o := range owners {
			if t.db.placeOf(o).shard != int(handle[0]) {
				continue
			}
			to, err := t.removePasskey(handle, language, o)
			if err != nil {
				return err
			}
			told = append(told, to...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("removing a passkey: %w", err)
	}
	return told, nil
}

func (t *tx) removePasskey(handle []byte, language string, owner subject.ID) ([]Notice, error) {
	p, err := t.holder(owner)
	if err != nil || p == nil {
		return nil, err
	}
	var there bool
	if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM passkey WHERE shard_id = ? AND handle = ? AND subject_id = ?)`, []any{p.id.Shard(), handle, p.id[:]}, &there); err != nil || !there {
		return nil, err
	}
	if err := t.exec(`DELETE FROM passkey WHERE shard_id = ? AND handle = ?`, p.id.Shard(), handle); err != nil {
		return nil, err
	}
	return t.tellPasskey(letter.PasskeyRemoved, p, language)
}

// endPasskeys takes away all passkeys of a subject.
func (t *tx) endPasskeys(p *person) error {
	return t.exec(`DELETE FROM passkey WHERE shard_id = ? AND subject_id = ?`, p.id.Shard(), p.id[:])
}
