// Package envoy holds what docs/gateway.md says to write for Envoy to the types that
// Envoy publishes, and to the rules that stand in them. They are large, and of
// use for nothing else: that is why they are in this module.
package envoy

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	authz "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	jwt "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	manager "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	mutation "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// read reads the lines as Envoy does: a member that it does not know is an error.
func read(t *testing.T, change ...string) (*manager.HttpConnectionManager, error) {
	t.Helper()
	page, err := os.ReadFile("../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/gateway.md has no lines for Envoy")
	}
	text := "stat_prefix: amana\nroute_config: {}\n" + string(m[1]) // what stands around them
	if changed := strings.NewReplacer(change...).Replace(text); len(change) > 0 && changed == text {
		t.Fatalf("nothing to change: %q", change)
	} else {
		text = changed
	}
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var out manager.HttpConnectionManager
	if err := protojson.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	return &out, out.ValidateAll()
}

// opened gives what lies in a typed_config, held to its rules.
func opened[T interface {
	proto.Message
	ValidateAll() error
}](t *testing.T, in *anypb.Any, into T) T {
	t.Helper()
	if err := in.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
	if err := into.ValidateAll(); err != nil {
		t.Error(err)
	}
	return into
}

func TestTheLinesForEnvoy(t *testing.T) {
	m, err := read(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.GetCommonHttpProtocolOptions().GetHeadersWithUnderscoresAction().String(); got != "REJECT_REQUEST" {
		t.Errorf("headers with underscores: %s", got)
	}
	var removed []string
	for _, x := range opened(t, m.EarlyHeaderMutationExtensions[0].TypedConfig, &mutation.HeaderMutation{}).Mutations {
		removed = append(removed, x.GetRemove())
	}
	if want := []string{"x-amana-subject", "x-amana-data", "x-amana-recipient", "x-amana-reason", "x-amana-policy"}; !slices.Equal(removed, want) {
		t.Errorf("taken off are %q, want %q", removed, want)
	}
	if len(m.HttpFilters) != 3 {
		t.Fatalf("%d filters", len(m.HttpFilters))
	}
	claims := opened(t, m.HttpFilters[0].GetTypedConfig(), &jwt.JwtAuthentication{}).Providers["shop"].ClaimToHeaders
	if len(claims) != 1 || claims[0].HeaderName != "x-amana-subject" {
		t.Errorf("who it is: %v", claims)
	}
	gate := opened(t, m.HttpFilters[1].GetTypedConfig(), &authz.ExtAuthz{})
	var reach []string
	for _, p := range gate.GetAllowedHeaders().GetPatterns() {
		reach = append(reach, p.GetExact())
	}
	http := gate.GetHttpService()
	if gate.FailureModeAllow || http.GetPathPrefix() != "/gate/tailored_offers" || http.GetServerUri().GetTimeout().AsDuration() == 0 || !slices.Equal(reach, []string{"x-amana-subject", "sec-gpc"}) {
		t.Errorf("the gate: %v", gate)
	}
	opened(t, m.HttpFilters[2].GetTypedConfig(), &router.Router{})
}

// What Envoy would refuse is refused here.
func TestWhatEnvoyRefuses(t *testing.T) {
	for _, change := range [][]string{
		{"failure_mode_allow", "failure_mode_allowed"}, {"REJECT_REQUEST", "REFUSE"}, {"ext_authz.v3.ExtAuthz", "ext_authz.v9.ExtAuthz"},
		{"timeout: 0.5s", "timeout: soon"}, {"- remove: x-amana-data", "- delete: x-amana-data"}, {"stat_prefix: amana", `stat_prefix: ""`},
	} {
		if _, err := read(t, change...); err == nil {
			t.Errorf("%q is taken", change)
		}
	}
}
