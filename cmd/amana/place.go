package main

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/store"
)

// place is where an installation is: its folder, and what of it lies elsewhere.
type place struct {
	dir      string // the folder
	db       string // sqlite:PATH or postgres://…; "" = amana.db in the folder
	keys     string // folder of the keyring; "" = keys in the folder
	identity string // file of an age identity that opens the master key; "" = it lies in the keyring, or in AMANA_MASTER_KEY
	mails    bool   // mails are sent here
}

const (
	keysFolder   = "keys"
	databaseFile = "amana.db"
	unfinished   = ".new"
)

// flags declares what says where an installation is.
func (p *place) flags(fs *flag.FlagSet, dir string) {
	fs.StringVar(&p.dir, "dir", dir, "folder of the installation")
	fs.StringVar(&p.db, "db", "", "the database: sqlite:PATH, by default amana.db in the folder, or postgres://… (AMANA_DB keeps its password out of lists of processes)")
	fs.StringVar(&p.keys, "keys", "", "folder of the keyring, by default keys in the folder; servers of one database share it (AMANA_KEYS)")
	fs.StringVar(&p.identity, "key-identity", "", "age identity that opens the master key (AMANA_KEY_IDENTITY); or give the key itself in AMANA_MASTER_KEY")
}

// environment fills in what was not said.
func (p place) environment() place {
	for name, into := range map[string]*string{"AMANA_DB": &p.db, "AMANA_KEYS": &p.keys, "AMANA_KEY_IDENTITY": &p.identity} {
		if *into == "" {
			*into = os.Getenv(name)
		}
	}
	return p
}

// or fills in from another place what neither flags nor environment said.
func (p place) or(q place) place {
	return place{p.dir, cmp.Or(p.db, q.db), cmp.Or(p.keys, q.keys), cmp.Or(p.identity, q.identity), p.mails || q.mails}
}

// postgres reports whether the database is a server's, which others may have
// open too.
func (p place) postgres() bool {
	return strings.HasPrefix(p.db, "postgres://") || strings.HasPrefix(p.db, "postgresql://")
}

// file gives the path of the SQLite file.
func (p place) file() string {
	if path, ok := strings.CutPrefix(p.db, "sqlite:"); ok {
		return path
	}
	return filepath.Join(p.dir, databaseFile)
}

func (p place) keyring() string {
	if p.keys != "" {
		return p.keys
	}
	return filepath.Join(p.dir, keysFolder)
}

// source gives where the master key comes from.
func (p place) source() (keyring.Source, error) {
	return keyring.SourceOf(os.Getenv("AMANA_MASTER_KEY"), p.identity)
}

// into puts the database into a store's configuration.
func (p place) into(c *store.Config) error {
	c.Mail = p.mails
	switch {
	case p.postgres():
		c.Postgres = p.db
	case p.db == "" || strings.HasPrefix(p.db, "sqlite:") && p.db != "sqlite:":
		c.Path = p.file()
	default: // not repeated: it may hold a password
		return fault.At(fault.Invalid, "db", "a database is sqlite:PATH or postgres://user@host/name")
	}
	return nil
}
