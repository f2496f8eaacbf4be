package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/amana-privacy/amana/fault"
)

// identityFile is the master key, sealed for an age identity.
const identityFile = "master.age"

// Identity keeps the master key in the folder as master.age, encrypted for the
// age identities in a file outside of it (age-encryption.org/v1): X25519,
// hybrid with ML-KEM, or a plugin's, which asks hardware or a key service
// through a child process. Several identities in the file open each alone.
func Identity(file string) (Source, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fault.New(fault.Unknown, "no age identity in %s: without it the master key does not open", file)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Denied, "others may read %s: chmod 600 %s", file, file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the age identity: %w", err)
	}
	s, err := parseIdentities(string(raw))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is not the file of an age identity: %s", file, err)
	}
	return kept{identityFile, s}, nil
}

// ageWrapping wraps by age. Its errors never carry a line of the identity file.
type ageWrapping struct {
	identities []age.Identity
	recipients []age.Recipient
}

func (ageWrapping) String() string { return "age identity" }

func parseIdentities(text string) (ageWrapping, error) {
	var w ageWrapping
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := w.add(line); err != nil {
			return w, fmt.Errorf("line %d is none: %w", n+1, err)
		}
	}
	if len(w.identities) == 0 {
		return w, errors.New("it holds none")
	}
	return w, nil
}

func (w *ageWrapping) add(line string) error {
	if strings.HasPrefix(line, "AGE-PLUGIN-") {
		id, err := plugin.NewIdentity(line, nobodyAnswers)
		if err != nil {
			return errors.New("not a plugin's identity")
		}
		w.identities, w.recipients = append(w.identities, id), append(w.recipients, id.Recipient())
		return nil
	}
	list, err := age.ParseIdentities(strings.NewReader(line))
	if err != nil {
		return errors.New("not an X25519, hybrid or plugin identity")
	}
	for _, id := range list {
		switch id := id.(type) {
		case *age.X25519Identity:
			w.recipients = append(w.recipients, id.Recipient())
		case *age.HybridIdentity:
			w.recipients = append(w.recipients, id.Recipient())
		default:
			return errors.New("of a kind this version does not know")
		}
	}
	w.identities = append(w.identities, list...)
	return nil
}

// nobodyAnswers is for plugins that want to ask somebody: a server that starts
// at night has nobody to ask.
var nobodyAnswers = &plugin.ClientUI{
	DisplayMessage: func(string, string) error { return nil },
	RequestValue: func(name, _ string, _ bool) (string, error) {
		return "", fmt.Errorf("%s asks a question, and nobody is there to answer", name)
	},
	Confirm: func(name, _, _, _ string) (bool, error) {
		return false, fmt.Errorf("%s asks a question, and nobody is there to answer", name)
	},
}

func (w ageWrapping) wrap(text string) ([]byte, error) {
	var out bytes.Buffer
	to, err := age.Encrypt(&out, w.recipients...)
	if err == nil {
		_, err = io.WriteString(to, text)
	}
	if err == nil {
		err = to.Close()
	}
	return out.Bytes(), err
}

// maxMaster bounds what is decrypted: a master key is 61 bytes.
const maxMaster = 1 << 10

func (w ageWrapping) unwrap(raw []byte) (string, error) {
	from, err := age.Decrypt(bytes.NewReader(raw), w.identities...)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(from, maxMaster))
	return string(text), err
}
