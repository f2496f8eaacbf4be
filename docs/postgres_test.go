package docs

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// TestWhatThePageOfPostgreSQLTellsToTypeWorks walks through it on a server as it
// is shipped, as its administrator and then as the role that is made.
func TestWhatThePageOfPostgreSQLTellsToTypeWorks(t *testing.T) {
	admin, err := url.Parse(pgtest.Database(t, "15"))
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := admin.User.Password()
	name := strings.TrimPrefix(admin.Path, "/")
	t.Setenv("PGHOST", admin.Hostname())
	t.Setenv("PGPORT", admin.Port())
	t.Setenv("PGUSER", admin.User.Username())
	t.Setenv("PGPASSWORD", secret)
	public, company, public2, company2 := free(t), free(t), free(t), free(t)
	example, err := filepath.Abs("../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	walk(t, public, company, strings.NewReplacer(
		"--policy amana.yaml", "--policy "+example,
		"ROLE amana", "ROLE "+name+"_owner", // the administrator is called amana here
		"DATABASE amana OWNER amana", "DATABASE "+name+"_2 OWNER "+name+"_owner",
		"amana:choose-a-long-one@db.internal/amana?sslmode=require", name+"_owner:choose-a-long-one@"+admin.Host+"/"+name+"_2?sslmode=disable",
		"127.0.0.1:8080", public, "127.0.0.1:8081", company, "127.0.0.1:8180", public2, "127.0.0.1:8181", company2), "postgres.md")
}
