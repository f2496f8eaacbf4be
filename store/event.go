package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

// sealedForm is the first byte of an event's sealed text: the form of the rest,
// three salts, the row of the texts shown, the record.
const sealedForm = 1

const sealedHead = 1 + 3*ledger.SaltSize + 8

// sealEvent seals an event of a person under their data key.
func sealEvent(under keyring.Sealer, p *person, eventID uuid.UUID, parts receipt.Parts, process int64) []byte {
	b := make([]byte, keyring.NonceSize, keyring.Overhead+sealedHead+len(parts.Record))
	b = append(b, sealedForm)
	b = append(b, parts.Salt[:]...)
	b = append(b, parts.SubjectSalt[:]...)
	b = append(b, parts.ProcessSalt[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(process))
	return under.InPlace(eventContext(p.id, eventID), append(b, parts.Record...))
}

// unsealEvent gives an event's parts but for the texts, of which it gives the row.
func unsealEvent(p *person, eventID uuid.UUID, sealed []byte) (parts receipt.Parts, process int64, err error) {
	b, err := keyring.Unseal(p.keys.Data, eventContext(p.id, eventID), sealed)
	if err != nil {
		return parts, 0, fmt.Errorf("opening an event: %w", err)
	}
	if len(b) < sealedHead || b[0] != sealedForm {
		return parts, 0, fmt.Errorf("opening an event: unknown form")
	}
	salts, rest := b[1:], b[sealedHead:]
	parts.Salt = ledger.Salt(salts[:ledger.SaltSize])
	parts.SubjectSalt = ledger.Salt(salts[ledger.SaltSize : 2*ledger.SaltSize])
	parts.ProcessSalt = ledger.Salt(salts[2*ledger.SaltSize : 3*ledger.SaltSize])
	parts.Subject, parts.Record = p.name, rest
	return parts, int64(binary.BigEndian.Uint64(b[sealedHead-8:])), nil
}

func eventContext(id keyring.SubjectID, eventID uuid.UUID) []byte {
	return append(append([]byte("amana/event/v1/"), id[:]...), eventID[:]...)
}

// eventOf gives the event a record speaks of.
func eventOf(record []byte, seq int64) (consent.Event, error) {
	var r receipt.Record
	if err := json.Unmarshal(record, &r); err != nil {
		return consent.Event{}, fmt.Errorf("reading a record: %w", err)
	}
	return eventIn(r, seq)
}

func eventIn(r receipt.Record, seq int64) (consent.Event, error) {
	at, err := receipt.Time(r.HasConsent.Time)
	if err != nil {
		return consent.Event{}, fmt.Errorf("reading a record: %w", err)
	}
	c := r.HasConsent
	e := consent.Event{ID: r.ID, Seq: seq, Time: at, Act: c.Decision, Purpose: c.Purpose, Recipient: c.Recipient, Topics: c.Topics, Frequency: c.Frequency,
		Policy: r.HasNotice.Policy, Meaning: c.Meaning, Language: r.HasNotice.Language, Surface: c.Surface, Shown: r.HasNotice.Shown == "evidenced", Attested: c.By == "company"}
	if c.Signals != nil {
		e.Signals = *c.Signals
	}
	e.Claim = consent.Claim{Evidence: r.HasNotice.Evidence, Source: c.Source, Moved: c.Moved}
	if c.Decision == consent.ActPaused {
		if e.Until, err = receipt.Time(c.Until); err != nil {
			return consent.Event{}, fmt.Errorf("reading a record: %w", err)
		}
	}
	if c.Said != "" {
		if e.Claim.Said, err = receipt.Time(c.Said); err != nil {
			return consent.Event{}, fmt.Errorf("reading a record: %w", err)
		}
	}
	return e, nil
}
