package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/web"
)

// maxLogo is the largest logo that is taken, in bytes.
const maxLogo = 64 << 10

// logoFile is its name in the folder.
const logoFile = "logo"

// keepLogo puts the logo a policy names into the installation, whose pages show
// it from then on. A policy without one leaves what is there.
func (in *installation) keepLogo(p *policy.Policy, data []byte) error {
	if p.Organization.Logo == "" {
		return nil
	}
	l, err := logoOf(data)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(in.dir, logoFile), data); err != nil {
		return fmt.Errorf("keeping the logo: %w", err)
	}
	in.logo.Store(l)
	return nil
}

// loadLogo takes up the logo that was kept; none where there is none.
func (in *installation) loadLogo() error {
	data, err := os.ReadFile(filepath.Join(in.dir, logoFile))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	l, err := logoOf(data)
	if err != nil {
		return err
	}
	in.logo.Store(l)
	return nil
}

// goodLogo checks the logo a policy names.
func goodLogo(p *policy.Policy, data []byte) error {
	if p.Organization.Logo == "" {
		return nil
	}
	_, err := logoOf(data)
	return err
}

func logoOf(data []byte) (*web.Logo, error) {
	switch head := data[:min(len(data), 512)]; {
	case len(data) > maxLogo:
		return nil, fault.At(fault.Invalid, "organization.logo", "a logo has at most %d bytes", maxLogo)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return &web.Logo{Data: data, Type: "image/png"}, nil
	case bytes.Contains(head, []byte("<svg")):
		return &web.Logo{Data: data, Type: "image/svg+xml"}, nil
	}
	return nil, fault.At(fault.Invalid, "organization.logo", "a logo is an SVG or a PNG")
}
