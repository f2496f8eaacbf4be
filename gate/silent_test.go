package gate_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/gate"
)

// silent is a door that answers, once takes a question without ever answering,
// and answers again.
type silent struct{ asked atomic.Int32 }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked.Add(1) == 2 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"switches": [], "revisions": {}, "scripts": {}}`))}, nil
}

// A door that does not answer is asked again: the policy may have changed.
func TestADoorThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &silent{}
		g := &gate.Gate{Client: &http.Client{Transport: s}}
		go g.Run(t.Context(), time.Minute)
		time.Sleep(5 * time.Minute)
		if n := s.asked.Load(); n < 4 {
			t.Errorf("in five minutes it was asked %d times", n)
		}
	})
}
