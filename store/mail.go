package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// MailID is the number of a mail: its shard, the bucket of its keys, and 14
// random bytes. A mail about a person whom we know lies in the bucket of their
// keys: whatever remnant of it is left closes with them when they are erased.
type MailID [16]byte

// MailState is what became of a mail.
type MailState string

// The states. Only a queued mail still has its text.
const (
	MailQueued  MailState = "queued"
	MailSent    MailState = "sent"     // the next server took it
	MailBounced MailState = "bounced"  // refused for good, at once or afterwards
	MailGivenUp MailState = "given_up" // could not be handed over in its time
	MailDropped MailState = "dropped"  // not sent: its address is not reachable, or what it rests on was taken back
)

// Mail is a mail that is to be sent now by whoever claimed it.
type Mail struct {
	ID     MailID
	Letter letter.Letter
	At     time.Time // when it was queued
	Until  time.Time // later it is given up
	Tries  int       // with this one
	Broken error     // why its letter cannot be opened; nil where it is here
	leased int64
}

// mailRow is a mail on its way into the database.
type mailRow struct {
	id      MailID
	l       letter.Letter
	address []byte
	at      time.Time
	wrapped keyring.Wrapped
	sealed  []byte
	links   []byte
}

const insertMail = `INSERT INTO mail (shard_id, mail_id, address, kind, state, at, due, leased, tries, until, links, data_key, evidence_key, sealed)
	VALUES (?, ?, ?, ?, 'queued', ?, ?, 0, 0, ?, ?, ?, ?, ?)`

func (r *mailRow) args() []any {
	return []any{int(r.id[0]), r.id[:], r.address, string(r.l.Kind), millis(r.at), millis(r.at), millis(r.l.Ends(r.at)), string(r.links), r.wrapped.Data, r.wrapped.Evidence, r.sealed}
}

// mailTo gives the identifier that a letter goes to.
func mailTo(l letter.Letter) subject.ID { return subject.ID(subject.Email + ":" + l.To) }

// newMail makes the row of a letter, sealed. beside is the subject whose bucket
// it lies in; zero where nobody is known by the address. Call it while the
// keyring is held.
func (db *DB) newMail(l letter.Letter, beside keyring.SubjectID, now time.Time) (*mailRow, error) {
	to := mailTo(l)
	id := newSubjectID(db.placeOf(to).shard)
	if beside != (keyring.SubjectID{}) {
		id[1] = beside[1]
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("queueing a mail: %w", err)
	}
	links, err := json.Marshal(l.Hosts(db.cfg.PublicURL))
	if err != nil {
		return nil, fmt.Errorf("queueing a mail: %w", err)
	}
	keys, wrapped := db.cfg.Ring.NewKeys(id)
	return &mailRow{id: MailID(id), l: l, address: db.suppressionTag(to), at: now, wrapped: wrapped,
		sealed: keyring.Seal(keys.Data, mailContext(MailID(id)), raw), links: links}, nil
}

func mailContext(id MailID) []byte { return append([]byte("amana/mail/v1/"), id[:]...) }

// post queues a letter in the transaction of what causes it: both are durable,
// or neither is. It may be called where nobody is known by the address.
func (t *tx) post(l letter.Letter) (MailID, error) {
	if err := l.Check(); err != nil {
		return MailID{}, err
	}
	p, err := t.db.lookup(t.row, mailTo(l))
	if err != nil {
		return MailID{}, err
	}
	var beside keyring.SubjectID
	if p != nil {
		beside = p.id
	}
	row, err := t.db.newMail(l, beside, t.now)
	if err != nil {
		return MailID{}, err
	}
	t.after = append(t.after, t.db.wakeMail)
	return row.id, t.exec(insertMail, row.args()...)
}

// Post queues a letter that nothing else has to be written with. It returns when
// that is durable.
func (db *DB) Post(ctx context.Context, l letter.Letter) (id MailID, err error) {
	err = db.write(ctx, func(t *tx) error {
		id, err = t.post(l)
		return err
	})
	if err != nil {
		return id, fmt.Errorf("queueing a mail: %w", err)
	}
	return id, nil
}

// MailWaits is sent to, without ever blocking, when this process has queued a
// mail. What other servers queue has to be looked for.
func (db *DB) MailWaits() <-chan struct{} { return db.mailWaits }

func (db *DB) wakeMail() {
	select {
	case db.mailWaits <- struct{}{}:
	default:
	}
}

// ClaimMail gives at most n mails whose time has come, and keeps other servers
// from trying them for as long as lease. One whose server dies is tried again
// after it: a mail is sent at least once, and with the same number.
func (db *DB) ClaimMail(ctx context.Context, n int, lease time.Duration) (list []Mail, err error) {
	ids, err := db.dueMail(ctx, n)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	err = db.write(ctx, func(t *tx) error {
		list = nil
		for _, id := range ids {
			m, ok, err := t.claim(id, lease)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, m)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claiming mails: %w", err)
	}
	return list, nil
}

func (db *DB) dueMail(ctx context.Context, n int) ([]MailID, error) {
	now := millis(db.now())
	return mailIDs(db.readRows(ctx)(`SELECT mail_id FROM mail WHERE state = 'queued' AND due <= ? AND leased <= ? ORDER BY due LIMIT ?`, now, now, n))
}

func mailIDs(rows *selected, err error) ([]MailID, error) {
	if err != nil {
		return nil, fmt.Errorf("looking for mails: %w", err)
	}
	defer rows.Close()
	var ids []MailID
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("looking for mails: %w", err)
		}
		if len(id) != len(MailID{}) {
			return nil, fmt.Errorf("the number of a mail has %d bytes", len(id))
		}
		ids = append(ids, MailID(id))
	}
	return ids, rows.Err()
}

func (t *tx) claim(id MailID, lease time.Duration) (m Mail, ok bool, err error) {
	now := millis(t.now)
	m.ID, m.leased = id, millis(t.now.Add(lease))
	var at, until int64
	var w keyring.Wrapped
	var sealed []byte
	t.wrote = true
	ok, err = t.row(`UPDATE mail SET leased = ?, tries = tries + 1 WHERE shard_id = ? AND mail_id = ? AND state = 'queued' AND due <= ? AND leased <= ?
		RETURNING at, until, tries, data_key, evidence_key, sealed`, []any{m.leased, int(id[0]), id[:], now, now}, &at, &until, &m.Tries, &w.Data, &w.Evidence, &sealed)
	if err != nil || !ok {
		return m, false, err
	}
	m.At, m.Until = fromMillis(at), fromMillis(until)
	m.Letter, m.Broken = t.db.openMail(id, w, sealed)
	return m, true, nil
}

// openMail gives the letter of a mail. What cannot be opened keeps nothing else
// from being sent: its bucket's key may have been changed this moment, or the row
// may be damaged.
func (db *DB) openMail(id MailID, w keyring.Wrapped, sealed []byte) (l letter.Letter, err error) {
	keys, err := db.cfg.Ring.Unwrap(keyring.SubjectID(id), w)
	if err != nil {
		return l, fmt.Errorf("opening a mail: %w", err)
	}
	raw, err := keyring.Unseal(keys.Data, mailContext(id), sealed)
	if err == nil {
		err = json.Unmarshal(raw, &l)
	}
	if err != nil {
		return l, fmt.Errorf("opening a mail: %w", err)
	}
	return l, nil
}

// EndMail says what became of a claimed mail; its text goes. digest is the
// SHA-256 of what was sent, nil where nothing was. A mail that somebody else has
// claimed meanwhile stays as it is.
func (db *DB) EndMail(ctx context.Context, m Mail, s MailState, digest []byte) error {
	return db.write(ctx, func(t *tx) error {
		return t.exec(`UPDATE mail SET state = ?, due = ?, leased = 0, digest = ?, data_key = NULL, evidence_key = NULL, sealed = NULL
			WHERE shard_id = ? AND mail_id = ? AND state = 'queued' AND leased = ?`, string(s), millis(t.now), digest, int(m.ID[0]), m.ID[:], m.leased)
	})
}

// RetryMail lets a claimed mail be tried again from a time on.
func (db *DB) RetryMail(ctx context.Context, m Mail, from time.Time) error {
	return db.write(ctx, func(t *tx) error {
		return t.exec(`UPDATE mail SET due = ?, leased = 0 WHERE shard_id = ? AND mail_id = ? AND state = 'queued' AND leased = ?`,
			millis(from), int(m.ID[0]), m.ID[:], m.leased)
	})
}

// MailMark gives how a mail is known again: by its reader, and by us when it
// comes back. Both codes follow from its number under keys of their own.
func (db *DB) MailMark(id MailID, at time.Time) letter.Mark {
	return letter.Mark{ID: id, Code: db.mailCode(id), Return: letter.Lower(append(id[:], db.returnTag(id)...)), At: at}
}

// returnTagSize keeps whoever never got the mail from saying that it came back.
const returnTagSize = 8

func (db *DB) returnTag(id MailID) []byte {
	return tag(db.cfg.Ring.Link("mail return"), "amana/mail/return/v1\n", string(id[:]))[:returnTagSize]
}

// mailCode is ten letters and digits without those that are mistaken for
// others: 50 bits, asked about together with the address alone.
func (db *DB) mailCode(id MailID) string {
	s := codes.EncodeToString(tag(db.cfg.Ring.Link("mail code"), "amana/mail/code/v1\n", string(id[:])))
	return s[:5] + "-" + s[5:10]
}

var codes = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding) // Crockford's

// returned gives the mail that a return address leads back to.
func (db *DB) returned(s string) (MailID, bool) {
	raw, err := letter.FromLower(s)
	if err != nil || len(raw) != len(MailID{})+returnTagSize {
		return MailID{}, false
	}
	id := MailID(raw[:len(MailID{})])
	return id, hmac.Equal(raw[len(id):], db.returnTag(id))
}

// MailPolicy is the policy by which mails are written; nil before the first.
func (db *DB) MailPolicy() *policy.Policy {
	if v := db.InForce(); v != nil {
		return v.Policy
	}
	return nil
}

// Unreachable reports whether mail servers said of an address that it is none,
// not long ago.
func (db *DB) Unreachable(ctx context.Context, id subject.ID) (is bool, err error) {
	_, err = db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM unreachable WHERE shard_id = ? AND address = ? AND at > ?)`,
		[]any{db.placeOf(id).shard, db.suppressionTag(id), millis(db.now().Add(-unreachableFor))}, &is)
	if err != nil {
		return false, fmt.Errorf("looking whether an address is reachable: %w", err)
	}
	return is, nil
}

// unreachableFor is how long an address that does not exist is left alone:
// providers give an address out anew after about so long, and a company's server
// that was set up wrongly has been mended.
const unreachableFor = 90 * 24 * time.Hour

// Bounced takes up that a mail came back for good. returned is what its return
// address held; where that leads to no mail, it is fault.Unknown. gone says that
// the address does not exist: nothing is sent there for a while.
func (db *DB) Bounced(ctx context.Context, returned string, gone bool) error {
	id, ok := db.returned(returned)
	if !ok {
		return fault.New(fault.Unknown, "no mail of ours")
	}
	return db.write(ctx, func(t *tx) error {
		var address []byte
		t.wrote = true
		ok, err := t.row(`UPDATE mail SET state = 'bounced', leased = 0, data_key = NULL, evidence_key = NULL, sealed = NULL
			WHERE shard_id = ? AND mail_id = ? RETURNING address`, []any{int(id[0]), id[:]}, &address)
		if err != nil || !ok || !gone {
			return err
		}
		return t.exec(`INSERT INTO unreachable (shard_id, address, at) VALUES (?, ?, ?) ON CONFLICT (shard_id, address) DO UPDATE SET at = excluded.at`,
			int(id[0]), address, millis(t.now))
	})
}

// Told is what the reader of a mail is told of it.
type Told struct {
	Kind  letter.Kind
	At    time.Time // when it was sent, or queued where that is not known yet
	Hosts []string  // where its links lead, and nowhere else
}

// AskMail finds the mail with a code that went to an address; false where there
// is none. It takes the same for any miss: every code that went to the address is
// compared, in constant time.
func (db *DB) AskMail(ctx context.Context, to subject.ID, code string) (told Told, ok bool, err error) {
	rows, err := db.readRows(ctx)(`SELECT mail_id, kind, state, at, due, links FROM mail WHERE shard_id = ? AND address = ? ORDER BY at DESC LIMIT 1000`,
		db.placeOf(to).shard, db.suppressionTag(to))
	if err != nil {
		return told, false, fmt.Errorf("asking for a mail: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		var kind, state, links string
		var at, due int64
		if err := rows.Scan(&id, &kind, &state, &at, &due, &links); err != nil {
			return told, false, fmt.Errorf("asking for a mail: %w", err)
		}
		if !hmac.Equal([]byte(db.mailCode(MailID(id))), []byte(code)) {
			continue
		}
		ok, told.Kind, told.At = true, letter.Kind(kind), fromMillis(at)
		if state == string(MailSent) {
			told.At = fromMillis(due)
		}
		if err := json.Unmarshal([]byte(links), &told.Hosts); err != nil {
			return told, false, fmt.Errorf("asking for a mail: %w", err)
		}
	}
	return told, ok, rows.Err()
}

// mailKept is how long a mail that ended is known to whoever asks whether it was
// ours; then nothing of it is left.
const mailKept = 400 * 24 * time.Hour

// ForgetMail deletes what has been known for long enough. It is called now and
// then by whoever sends.
func (db *DB) ForgetMail(ctx context.Context) error {
	before := millis(db.now().Add(-mailKept))
	ids, err := mailIDs(db.readRows(ctx)(`SELECT mail_id FROM mail WHERE state <> 'queued' AND due <= ? LIMIT 1000`, before))
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		err = db.write(ctx, func(t *tx) error {
			for _, id := range ids {
				if err := t.exec(`DELETE FROM mail WHERE shard_id = ? AND mail_id = ?`, int(id[0]), id[:]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("forgetting mails: %w", err)
	}
	return nil
}

// eraseMail takes everything of an address out of the queue and the memory of
// mails, and closes what is left of it elsewhere.
func (t *tx) eraseMail(p *person) error {
	shard, address := p.id.Shard(), t.db.suppressionTag(p.name)
	ids, err := mailIDs(t.rows(`SELECT mail_id FROM mail WHERE shard_id = ? AND address = ?`, shard, address))
	if err != nil {
		return err
	}
	closed := map[uint16]bool{p.id.Bucket(): true} // that of the person is entered by the erasure itself
	for _, id := range ids {
		if bucket := keyring.SubjectID(id).Bucket(); !closed[bucket] {
			closed[bucket] = true
			if err := t.exec(shredLater, int(bucket), millis(t.now), -millis(t.now)); err != nil {
				return err
			}
		}
	}
	for _, table := range []string{"mail", "unreachable"} {
		if err := t.exec(`DELETE FROM `+table+` WHERE shard_id = ? AND address = ?`, shard, address); err != nil {
			return err
		}
	}
	return t.exec(`DELETE FROM unconfirmed WHERE shard_id = ? AND subject_id = ?`, shard, p.id[:])
}

// MailDigest is what is kept of the text of a mail that was sent.
func MailDigest(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}
