package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// newLog writes lines from the level on that AMANA_LOG names: debug, info (the
// default), warn or error.
func newLog(to io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if name := os.Getenv("AMANA_LOG"); name != "" {
		if err := level.UnmarshalText([]byte(name)); err != nil {
			return nil, fmt.Errorf("AMANA_LOG is debug, info, warn or error, not %q", name)
		}
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})), nil
}
