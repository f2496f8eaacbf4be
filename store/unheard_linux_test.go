package store

import (
	"net"
	"syscall"
	"testing"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// TestAMachineThatIsGoneIsNotWaitedFor holds connections over TCP to their bounds.
func TestAMachineThatIsGoneIsNotWaitedFor(t *testing.T) {
	eachPostgres(t, testAMachineThatIsGoneIsNotWaitedFor)
}

func testAMachineThatIsGoneIsNotWaitedFor(t *testing.T, w *world) {
	db := w.server(pgtest.NewWire(t, w.dsn).DSN())
	c, err := db.engine.(*postgresEngine).pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	socket, ok := c.Conn().PgConn().Conn().(*net.TCPConn)
	if !ok {
		t.Fatalf("it is a %T", c.Conn().PgConn().Conn())
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[int]int{tcpUserTimeout: 30_000, syscall.TCP_KEEPIDLE: 10, syscall.TCP_KEEPINTVL: 5, syscall.TCP_KEEPCNT: 4} {
		if err := raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, name); err != nil || got != want {
				t.Errorf("option %d is %d, not %d: %v", name, got, want, err)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}
