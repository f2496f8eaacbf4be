package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// version is stamped by the build: -ldflags "-X main.version=v0.1.0".
var version = ""

func runVersion(_ context.Context, e env, _ []string) error {
	fmt.Fprintln(e.stdout, "amana", versionText())
	return nil
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
