package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// maxLogo is the largest logo that is taken, in bytes.
const maxLogo = 64 << 10

// logo is a company's mark, as it is served.
type logo struct {
	data []byte
	kind string // media type
}

// keepLogo puts the logo a policy names into the installation. A policy
// without one leaves what is there.
func keepLogo(dir string, p *policy.Policy, data []byte) error {
	if err := goodLogo(p, data); err != nil || p.Organization.Logo == "" {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "logo"), data, 0o600)
}

// goodLogo checks the logo a policy names.
func goodLogo(p *policy.Policy, data []byte) error {
	if p.Organization.Logo == "" {
		return nil
	}
	_, err := logoOf(data)
	return err
}

func logoOf(data []byte) (logo, error) {
	switch head := data[:min(len(data), 512)]; {
	case len(data) > maxLogo:
		return logo{}, fault.At(fault.Invalid, "organization.logo", "a logo has at most %d bytes", maxLogo)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return logo{data, "image/png"}, nil
	case bytes.Contains(head, []byte("<svg")):
		return logo{data, "image/svg+xml"}, nil
	}
	return logo{}, fault.At(fault.Invalid, "organization.logo", "a logo is an SVG or a PNG")
}

// loadLogo gives the installation's logo; none where it has none.
func loadLogo(dir string) (logo, error) {
	data, err := os.ReadFile(filepath.Join(dir, "logo"))
	if os.IsNotExist(err) {
		return logo{}, nil
	}
	if err != nil {
		return logo{}, fmt.Errorf("reading the logo: %w", err)
	}
	return logoOf(data)
}
