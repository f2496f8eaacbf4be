package httpdoor

import (
	"context"
	"strconv"
	"testing"

	"github.com/open-policy-agent/opa/v1/plugins"
	opaserver "github.com/open-policy-agent/opa/v1/server"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/amana-privacy/amana/bench/world"
)

const allow = "package amana\n\ndefault allow := false\n\nallow if data.people[input.subject][input.purpose]\n"

// BenchmarkOPAServer asks OPA's own server the same, of as many people. It is asked
// for no token.
func BenchmarkOPAServer(b *testing.B) {
	people := map[string]any{}
	for i := range asked {
		people["customer:"+strconv.Itoa(i+1)] = map[string]any{"tailored_offers": true}
	}
	ctx := context.Background()
	store := inmem.NewFromObjectWithOpts(map[string]any{"people": people}, inmem.OptRoundTripOnWrite(false))
	world.Must(b, storage.Txn(ctx, store, storage.WriteParams, func(t storage.Transaction) error {
		return store.UpsertPolicy(ctx, t, "amana.rego", []byte(allow))
	}))
	manager, err := plugins.New([]byte(`{}`), "bench", store)
	world.Must(b, err)
	opa, err := opaserver.New().WithStore(store).WithManager(manager).WithAddresses([]string{"127.0.0.1:0"}).Init(ctx)
	world.Must(b, err)
	world.Must(b, manager.Start(ctx))
	b.Cleanup(func() { manager.Stop(ctx) })
	s := inside(b, opa.Handler)
	s.ask(b, form{"/v1/data/amana/allow", "", 200, func(b []byte, person int64) []byte {
		b = append(b, `{"input":{"subject":"customer:`...)
		b = strconv.AppendInt(b, 1+person*7919%asked, 10)
		return append(b, `","purpose":"tailored_offers"}}`...)
	}}, 1)
}
