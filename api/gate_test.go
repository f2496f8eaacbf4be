package api_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/api"
)

// A proxy asks with the method and the path of the request it is about.
func TestGates(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	const gate = "/gate/tailored_offers"
	who := "X-Amana-Subject: customer:10042"
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
		reason       string
	}{
		"yes":                     {"GET", gate, []string{who}, 200, "given"},
		"any method":              {"DELETE", gate + "/x", []string{who}, 200, "given"},
		"one of their own":        {"PURGE", gate, []string{who}, 200, "given"},
		"any path":                {"POST", gate + "//a/../b/%2e%2e/?x=1&x=2;y=%zz", []string{who}, 200, "given"},
		"in another form":         {"GET", gate, []string{"X-Amana-Subject: customer: ١٠٠٤٢"}, 200, "given"},
		"nobody":                  {"GET", gate, nil, 403, ""},
		"somebody else":           {"GET", gate, []string{"X-Amana-Subject: customer:1"}, 403, "unknown_subject"},
		"no identifier":           {"GET", gate, []string{"X-Amana-Subject: 10042"}, 403, ""},
		"an unknown purpose":      {"GET", "/gate/x", []string{who}, 403, "unknown_purpose"},
		"no purpose":              {"GET", "/gate/", []string{who}, 403, "unknown_purpose"},
		"a purpose by the client": {"GET", "/gate/x/tailored_offers", []string{who}, 403, "unknown_purpose"},
		"data":                    {"GET", gate, []string{who, "X-Amana-Data: name, nothing"}, 403, "unknown_data"},
		"recipient":               {"GET", gate, []string{who, "X-Amana-Recipient: nobody"}, 403, "recipient_not_permitted"},
		"needs no answer":         {"GET", "/gate/billing", []string{who}, 200, "basis"},
		"no token":                {"GET", gate, []string{who, "Authorization:"}, 401, ""},
		"the customer's token":    {"GET", gate, []string{who, "Authorization: Bearer eyJ0"}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(c.method, c.path, "", c.headers...)
			if a.status != c.status || a.header.Get("X-Amana-Reason") != c.reason {
				t.Errorf("%d %q %s", a.status, a.header.Get("X-Amana-Reason"), a.body)
			}
			if named := a.header.Get("X-Amana-Subject"); (named == "customer:10042") != (c.status == 200) {
				t.Errorf("it names %q", named)
			}
			if strings.Contains(string(a.body), "10042") || c.status == 403 && string(a.body) != "not permitted\n" {
				t.Errorf("%s", a.body)
			}
		})
	}
	w.token = w.newToken("consent:write")
	if a := w.do("GET", gate, "", who); a.status != 403 || a.header.Get("X-Amana-Subject") != "" {
		t.Errorf("without the scope: %d", a.status)
	}
	if log := w.log.String(); strings.Contains(log, "customer:10042") || strings.Contains(log, "%2e") || !strings.Contains(log, `"route":"/gate/"`) {
		t.Error("the log says what was asked for")
	}
}

func TestAGateTakesNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	for _, name := range []string{"X-Amana-Subject", "X-Amana-Data", "X-Amana-Recipient"} {
		a := w.raw(fmt.Sprintf("GET /gate/tailored_offers HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nX-Amana-Subject: customer:10042\r\n%s: customer:1\r\n%s: customer:10042\r\n\r\n", w.token, name, name))
		if !strings.HasPrefix(a, "HTTP/1.1 403 ") {
			t.Errorf("%s twice: %s", name, a)
		}
	}
}

// raw sends a request byte for byte.
func (w *world) raw(request string) string {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	must(w.t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	must(w.t, err)
	answer, err := io.ReadAll(conn)
	must(w.t, err)
	return string(answer)
}

// A signal of the browser speaks against what is marked so.
func TestAGateHeedsTheSignal(t *testing.T) {
	w := newWorld(t)
	const device = "device:AAECAwQFBgcICQoLDA0ODw"
	w.post(201, "/v1/consents", `{"subject":"`+device+`","choices":[{"purpose":"ad_measurement","decision":"given"}]}`)
	for signal, want := range map[string]int{"1": 403, "0": 200, "": 200} {
		if a := w.do("GET", "/gate/ad_measurement", "", "X-Amana-Subject: "+device, "Sec-GPC: "+signal); a.status != want {
			t.Errorf("Sec-GPC %q: %d %s", signal, a.status, a.header.Get("X-Amana-Reason"))
		}
	}
}

// Where nothing can be found out, the gate is shut.
func TestAGateIsShutWithoutItsStore(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Publisher = nil })
	w.agree("customer:10042")
	if a := w.do("GET", "/gate/tailored_offers", "", "X-Amana-Subject: customer:10042"); a.status != 200 {
		t.Fatal(a.status)
	}
	must(t, w.db.Close())
	if a := w.do("GET", "/gate/tailored_offers", "", "X-Amana-Subject: customer:10042"); a.status < 500 || a.header.Get("X-Amana-Subject") != "" {
		t.Errorf("%d", a.status)
	}
}
