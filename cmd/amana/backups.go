package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/amana-privacy/amana/store"
)

type copyRequest struct {
	Days int `json:"days"`
}

// Backup writes a backup, in clear: who asked encrypts it.
func (l local) Backup(ctx context.Context, _ struct{}, s stream) (store.Manifest, error) {
	var told error
	m, err := l.in.db.Backup(ctx, s.out, func(done, of int64) {
		if told == nil {
			told = s.tell(howFar{done, of})
		}
	})
	if err == nil {
		err = told
	}
	return m, err
}

// CopyKeyring writes a copy of the keyring, in clear likewise.
func (l local) CopyKeyring(ctx context.Context, r copyRequest, s stream) (struct{}, error) {
	now := time.Now().UTC()
	c, err := l.in.ring.Copy(ctx, now, now.AddDate(0, 0, r.Days))
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, json.NewEncoder(s.out).Encode(c)
}

// Tombstones writes who was erased.
func (l local) Tombstones(ctx context.Context, _ struct{}, s stream) (struct{}, error) {
	lines, err := l.in.db.TombstoneList(ctx)
	for _, line := range lines {
		if err == nil {
			_, err = io.WriteString(s.out, line)
		}
	}
	return struct{}{}, err
}

func (r remote) Backup(ctx context.Context, in struct{}, s stream) (out store.Manifest, err error) {
	return out, r.stream(ctx, "/backup", in, s, &out)
}

func (r remote) CopyKeyring(ctx context.Context, in copyRequest, s stream) (out struct{}, err error) {
	return out, r.stream(ctx, "/keyring", in, s, &out)
}

func (r remote) Tombstones(ctx context.Context, in struct{}, s stream) (out struct{}, err error) {
	return out, r.stream(ctx, "/tombstones", in, s, &out)
}
