package store

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Who asks to be erased gets a ticket: a secret from which a key follows whose
// public half alone stays here. The receipt of the erasure is sealed to it
// (HPKE, RFC 9180), so that afterwards it is found and opened by the ticket and
// by nothing that the company has.

var (
	ticketKEM  = hpke.DHKEM(ecdh.X25519())
	ticketInfo = []byte("amana/ticket/v1")
)

// NewTicket makes a ticket and the public half of its key, for
// request.Demand.Ticket. The ticket is shown once and kept nowhere.
func NewTicket() (ticket string, public []byte, err error) {
	ticket = rand.Text() + rand.Text()
	k, err := ticketKey(ticket)
	if err != nil {
		return "", nil, err
	}
	return ticket, k.PublicKey().Bytes(), nil
}

func ticketKey(ticket string) (hpke.PrivateKey, error) {
	seed := sha256.Sum256([]byte("amana/ticket/v1\n" + ticket))
	return ticketKEM.DeriveKeyPair(seed[:])
}

func ticketID(public []byte) []byte {
	sum := sha256.Sum256(public)
	return sum[:]
}

// keepTicket enters the ticket of an erasure that begins.
func (t *tx) keepTicket(r request.Request) error {
	if r.Kind != request.Erasure || r.Demand.Ticket == nil {
		return nil
	}
	if _, err := ticketKEM.NewPublicKey(r.Demand.Ticket); err != nil {
		return fault.At(fault.Invalid, "ticket", "is no key")
	}
	shard, n := whereIs(uuid.MustParse(r.ID))
	return t.exec(`INSERT INTO ticket (id, shard, n, until) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`, ticketID(r.Demand.Ticket), shard, n)
}

// ticketText is what a ticket opens: the receipts of an erasure.
type ticketText struct {
	Record      []byte     `json:"record"`
	Salt        []byte     `json:"salt"`
	Subject     subject.ID `json:"subject"`
	SubjectSalt []byte     `json:"subject_salt"`
	Shard       int        `json:"shard"`
	N           int64      `json:"n"`
	Bucket      uint16     `json:"bucket"`
}

// fillTicket seals the receipts of an erasure to its ticket.
func (t *tx) fillTicket(public []byte, erased []*appended) error {
	if public == nil {
		return nil
	}
	k, err := ticketKEM.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("sealing receipts to a ticket: %w", err)
	}
	var texts []ticketText
	for _, a := range erased {
		texts = append(texts, ticketText{a.parts.Record, a.parts.Salt[:], a.p.name, a.parts.SubjectSalt[:], a.shard, a.n, a.p.id.Bucket()})
	}
	raw, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	sealed, err := hpke.Seal(k, hpke.HKDFSHA256(), hpke.AES256GCM(), ticketInfo, raw)
	if err != nil {
		return fmt.Errorf("sealing receipts to a ticket: %w", err)
	}
	keep, _ := keepingOf(t.known.inForce().Policy, t.now)
	return t.exec(`UPDATE ticket SET sealed = ?, until = ? WHERE id = ?`, sealed, millis(keep.until), ticketID(public))
}

// Ticket is what a ticket shows: the request while it stands, and afterwards
// what became of it.
type Ticket struct {
	Request  *request.Request  // nil once the person is erased
	Owner    subject.ID        // likewise ""
	Erased   []receipt.Receipt // of each identifier
	Shredded bool              // the keys that old copies would open with are destroyed
	Until    time.Time         // the receipts are kept until then
}

// OpenTicket opens a ticket. One that is none, or whose time is over, is
// fault.Unknown.
func (db *DB) OpenTicket(ctx context.Context, ticket string) (Ticket, error) {
	none := fault.New(fault.Unknown, "there is no such ticket")
	k, err := ticketKey(ticket)
	if err != nil {
		return Ticket{}, none
	}
	var shard int
	var n, until int64
	var sealed []byte
	ok, err := db.reader(ctx)(`SELECT shard, n, until, sealed FROM ticket WHERE id = ? AND (until = 0 OR until > ?)`,
		[]any{ticketID(k.PublicKey().Bytes()), millis(db.now())}, &shard, &n, &until, &sealed)
	if err != nil {
		return Ticket{}, fmt.Errorf("reading a ticket: %w", err)
	}
	if !ok {
		return Ticket{}, none
	}
	if sealed == nil {
		p, row, err := db.requestAt(db.reader(ctx), shard, n)
		if err != nil || p == nil {
			return Ticket{}, orNone(err, none)
		}
		r, err := row.open(p)
		return Ticket{Request: &r, Owner: p.name}, err
	}
	out, err := db.ticketTexts(ctx, k, sealed)
	out.Until = fromMillis(until)
	return out, err
}

func orNone(err, none error) error {
	if err == nil {
		return none
	}
	return err
}

func (db *DB) ticketTexts(ctx context.Context, k hpke.PrivateKey, sealed []byte) (out Ticket, err error) {
	raw, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), ticketInfo, sealed)
	var texts []ticketText
	if err == nil {
		err = json.Unmarshal(raw, &texts)
	}
	if err != nil {
		return out, fmt.Errorf("opening a ticket: %w", err)
	}
	out.Shredded = true
	for _, x := range texts {
		if len(x.Salt) != ledger.SaltSize || len(x.SubjectSalt) != ledger.SaltSize {
			return out, fmt.Errorf("opening a ticket: a salt is damaged")
		}
		parts := receipt.Parts{Record: x.Record, Salt: ledger.Salt(x.Salt), Subject: x.Subject, SubjectSalt: ledger.Salt(x.SubjectSalt)}
		var leaf sql.NullInt64
		var waits bool
		if _, err := db.reader(ctx)(`SELECT leaf FROM event WHERE shard_id = ? AND n = ?`, []any{x.Shard, x.N}, &leaf); err != nil {
			return out, err
		}
		if _, err := db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM shred WHERE bucket = ?)`, []any{int(x.Bucket)}, &waits); err != nil {
			return out, err
		}
		r, err := db.proved(ctx, parts, leaf)
		if err != nil {
			return out, err
		}
		out.Erased, out.Shredded = append(out.Erased, r), out.Shredded && !waits
	}
	return out, nil
}

// forgetTickets deletes tickets whose time is over.
func (db *DB) forgetTickets(ctx context.Context) error {
	return db.write(ctx, func(t *tx) error {
		return t.exec(`DELETE FROM ticket WHERE until > 0 AND until <= ?`, millis(t.now))
	})
}
