package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/amana-privacy/amana/interop"
)

// fixture reads the rules of --authzen-fixture; nil where there are none. They
// answer without a token, so only on a door that no other machine reaches.
func fixture(file string, door net.Addr, log *slog.Logger) (*interop.Rules, error) {
	if file == "" {
		return nil, nil
	}
	if at, ok := door.(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, fmt.Errorf("--authzen-fixture is for development: it needs a company door on loopback, and %s is none", door)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the rules: %w", err)
	}
	rules, err := interop.Read(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	log.Warn("--authzen-fixture: /access/v1/ answers by the rules of a file, without a token; it says nothing about customers", "file", file)
	return rules, nil
}
