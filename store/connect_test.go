package store

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// A host that takes what is said and never answers ends an attempt to connect
// within seconds, whoever it is that connects.
func TestAHostThatSaysNothingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { door.Close() }) // who waits to be let in waits
	address := "postgres://x@" + door.Addr().String() + "/x?sslmode=disable"
	for what, do := range map[string]func(context.Context) error{
		"restoring":    func(ctx context.Context) error { _, err := connectTarget(ctx, address); return err },
		"distributing": func(ctx context.Context) error { _, err := Distribute(ctx, address); return err },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			err := do(ctx)
			if fault.KindOf(err) != fault.Overloaded || !strings.Contains(err.Error(), "cannot be reached") || ctx.Err() != nil {
				t.Errorf("%v, %v", err, ctx.Err())
			}
		})
	}
}
