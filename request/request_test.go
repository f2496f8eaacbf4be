package request_test

import (
	"testing"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/request"
)

var now = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

func TestTheEarliestClockCounts(t *testing.T) {
	week, err := policy.ParseDuration("P7D")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		promise policy.Duration
		regimes []string
		due, by string
	}{
		"nothing said":        {due: "2027-03-02", by: "amana-charter"},
		"an own promise":      {promise: week, due: "2027-02-07", by: request.Promise},
		"a month that ends":   {regimes: []string{"eu-gdpr"}, due: "2027-02-28", by: "eu-gdpr"},
		"the strictest law":   {regimes: []string{"eu-gdpr", "br-lgpd", "us-ca-ccpa"}, due: "2027-02-15", by: "br-lgpd"},
		"a law that is later": {regimes: []string{"us-ca-ccpa"}, due: "2027-03-02", by: "amana-charter"},
		"one without a term":  {regimes: []string{"jo-24-2023"}, due: "2027-03-02", by: "amana-charter"},
	} {
		p := &policy.Policy{Regimes: c.regimes, Requests: policy.Requests{AnswerWithin: c.promise}}
		if due, by := request.Clock(p, now); due.Format(time.DateOnly) != c.due || by != c.by {
			t.Errorf("%s: %s by %s", name, due.Format(time.DateOnly), by)
		}
	}
}

func TestWhatMayHappenToARequest(t *testing.T) {
	p := &policy.Policy{}
	erasure := request.New(request.Erasure, request.Demand{}, p, now)
	if erasure.State != request.Waiting || !erasure.Acts.Equal(now.Add(72*time.Hour)) || erasure.Due.IsZero() {
		t.Fatalf("%+v", erasure)
	}
	for name, c := range map[string]struct {
		do   func() error
		want fault.Kind
	}{
		"cancelled in time":     {func() error { _, err := erasure.Cancel(now.Add(71 * time.Hour)); return err }, -1},
		"cancelled too late":    {func() error { _, err := erasure.Cancel(now.Add(72 * time.Hour)); return err }, fault.Conflict},
		"done by the company":   {func() error { _, err := erasure.Outcome(request.Done, "", now); return err }, fault.Conflict},
		"refused with a reason": {func() error { _, err := erasure.Outcome(request.Refused, "a court", now); return err }, -1},
		"a download by hand": {func() error {
			r := request.New(request.Portability, request.Demand{}, p, now)
			_, err := r.Outcome(request.Done, "", now)
			return err
		}, fault.Conflict},
		"a complaint confirmed": {func() error {
			r := request.New(request.Complaint, request.Demand{}, p, now)
			_, err := r.Confirm(now)
			return err
		}, fault.Conflict},
		"an outcome that is none":         {func() error { _, err := erasure.Outcome(request.Open, "", now); return err }, fault.Invalid},
		"an objection cancelled":          {func() error { r := request.New(request.Objection, request.Demand{}, p, now); return r.MayCancel(now) }, fault.Conflict},
		"a complaint, while nobody began": {func() error { r := request.New(request.Complaint, request.Demand{}, p, now); return r.MayCancel(now) }, -1},
	} {
		if err := c.do(); (err == nil) != (c.want == -1) || err != nil && fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := request.New(request.Complaint, request.Demand{}, p, now); r.Late(r.Due.Add(-time.Nanosecond)) || !r.Late(r.Due) {
		t.Error("it is late at another time than when it is due")
	}
	again := erasure.Stepped("told", 2, now).Stepped("told", 3, now.Add(time.Hour))
	for _, s := range again.Steps {
		if s.Name == "told" && s.N != 2 {
			t.Errorf("a step was done twice: %+v", s)
		}
	}
	if erasure.Steps[2].N != 0 {
		t.Error("a copy shares its steps")
	}
}
