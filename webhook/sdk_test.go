package webhook

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// The JavaScript side takes what is signed here, and passes its own tests.
func TestTheVerifierForJavaScript(t *testing.T) {
	secret, at := NewSecret(), time.Now()
	body := Write(Message{Type: ConsentWithdrawn, Timestamp: at, Data: Data{Purpose: "newsletter"}})
	k := keys(t, secret)
	signed, err := json.Marshal(map[string]any{"secret": secret, "body": string(body),
		"headers": map[string]string{"webhook-id": "msg_1", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": k.Sign("msg_1", at, body)}})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", "--test", "../sdk/js/webhook.test.js")
	c.Env = append(os.Environ(), "AMANA_SIGNED="+string(signed))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
