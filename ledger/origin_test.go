package ledger_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/ledger"
)

func TestALogsBeginningIsReadInOneSpelling(t *testing.T) {
	l := handed(t)
	signed := l.Sign(400, l.Keys[2])
	var keys []string
	for _, k := range l.Keys {
		keys = append(keys, k.Verifier)
	}
	o, err := ledger.NewOrigin("shop.example/log2", keys, signed, 390, day)
	if err != nil {
		t.Fatal(err)
	}
	record, err := o.Record()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.ParseOrigin(record)
	if diff := cmp.Diff(o, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if head, err := again.Head(); err != nil || head.Size != 400 || head.Origin != "shop.example/log" {
		t.Fatal(head, err)
	}
	for name, change := range map[string][2]string{
		"another size":      {`\n400\n`, `\n401\n`},
		"another name":      {`"before":"shop.example/log"`, `"before":"shop.example/else"`},
		"its own name":      {`"origin":"shop.example/log2"`, `"origin":"shop.example/log"`},
		"no name":           {`"origin":"shop.example/log2"`, `"origin":""`},
		"a negative number": {`"restored":390`, `"restored":-1`},
		"another type":      {`"type":"origin"`, `"type":"policy"`},
		"another time":      {`09:00:00.000Z`, `09:00:00Z`},
		"another spelling":  {`"restored":390`, `"restored": 390`},
		"more than it says": {`"restored":390`, `"restored":390,"by":"Mona"`},
		"without its key":   {keys[2], keys[1]},
	} {
		changed := bytes.Replace(record, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, record) {
			t.Fatalf("%s: nothing changed in %s", name, record)
		}
		if _, err := ledger.ParseOrigin(changed); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if _, err := ledger.NewOrigin("shop.example/log2", keys[:1], signed, 390, day); err == nil {
		t.Error("a head that no named key signed is taken")
	}
	if _, err := ledger.NewOrigin("shop.example/log2", keys, strings.Replace(signed, "400", "40", 1), 390, day); err == nil {
		t.Error("a changed head is taken")
	}
}
