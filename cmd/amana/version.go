package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
)

// version is stamped by the build: -ldflags "-X main.version=v0.1.0".
var version = ""

func runVersion(_ context.Context, e env, args []string) error {
	fs := find("version").flags(e)
	asJSON := fs.Bool("json", false, "print one JSON object")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(map[string]string{"version": versionText()})
	}
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
