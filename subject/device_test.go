package subject_test

import (
	"testing"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// The hash below was computed with sha256sum and base64 of another maker.
func TestADeviceIsTheHashOfItsCookie(t *testing.T) {
	const want = subject.ID("device:bbOmaMDSrFEaYfkwe4XUjkyAPI2f44--Eq99UuMtZS0")
	got, err := subject.DeviceOf("AAECAwQFBgcICQoLDA0ODw")
	if err != nil || got != want {
		t.Errorf("DeviceOf = %q, %v; want %q", got, err, want)
	}
}

func TestBothFormsOfADeviceAreOne(t *testing.T) {
	cookieID, id := subject.NewDevice()
	if len(cookieID) != 22 {
		t.Errorf("a cookie id of %d characters, want 22", len(cookieID))
	}
	for _, form := range []string{"device:" + cookieID, string(id)} {
		if got, err := subject.Parse(form, ""); err != nil || got != id {
			t.Errorf("Parse(%q) = %q, %v; want %q", form, got, err, id)
		}
	}
	if got, err := subject.DeviceOf(cookieID); err != nil || got != id {
		t.Errorf("DeviceOf(%q) = %q, %v; want %q", cookieID, got, err, id)
	}
}

func TestDevicesDiffer(t *testing.T) {
	seen := map[subject.ID]bool{}
	for range 1000 {
		_, id := subject.NewDevice()
		seen[id] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1000 new devices are %d", len(seen))
	}
}

func TestOnlyOurCookieIDsNameADevice(t *testing.T) {
	for _, in := range []string{"", "short", "AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0O\n\n", "device:AAECAwQFBgcICQoL", "bbOmaMDSrFEaYfkwe4XUjkyAPI2f44--Eq99UuMtZS0"} {
		if id, err := subject.DeviceOf(in); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("DeviceOf(%q) = %q, %v; want fault.Invalid", in, id, err)
		}
	}
}
