package subject

import "testing"

func TestMaskedTellsWhoKnowsAndNobodyElse(t *testing.T) {
	for id, want := range map[ID]string{
		"email:sara@example.com":             "email:s…@….com",
		"email:س@مثال.إختبار":                "email:س…@….إختبار",
		"email:root@localhost":               "email:r…@…",
		"phone:+12075550134":                 "phone:…34",
		"customer:10042":                     "customer:…2",
		"customer:123":                       "customer:…3",
		"customer:12":                        "customer:…",
		"customer:A-100427":                  "customer:…27",
		"customer:٠١٢٣٤٥٦":                   "customer:…٥٦",
		"device:" + ID("abcdefghijklmnopqr"): "device:…qr",
		"":                                   "…",
		"passport:X123456":                   "…",
	} {
		if got := id.Masked(); got != want {
			t.Errorf("%q is masked as %q, want %q", id, got, want)
		}
	}
}
