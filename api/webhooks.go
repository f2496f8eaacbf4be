package api

import (
	"net/http"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
)

// webhookNew is the body of POST /v1/webhooks.
type webhookNew struct {
	URL   string   `json:"url" need:"yes" min:"1" max:"2048" doc:"Where messages are posted to: https, and a host with an address of the Internet's, or one in a network that the server's webhook_networks names."`
	Kinds []string `json:"kinds" max:"50" doc:"The kinds of events it is told of: consent.given, consent.refused, consent.withdrawn, consent.confirmed, consent.paused, consent.resumed, subject.erased, policy.published, request.asked, request.confirmed, request.cancelled, request.done, request.refused. All of them, and those there will be, if absent or empty."`
}

// webhookChange is the body of PATCH /v1/webhooks/{id}.
type webhookChange struct {
	URL   string   `json:"url" min:"1" max:"2048" doc:"Another address; as it was if absent."`
	Kinds []string `json:"kinds" max:"50" doc:"Other kinds, all if empty; as they were if absent."`
	State string   `json:"state" enum:"on|stopped" doc:"stopped: nothing is sent, and what happens meanwhile waits. on: it goes on from where it stopped."`
}

// webhookRotation is the body of POST /v1/webhooks/{id}/rotate.
type webhookRotation struct {
	Overlap int `json:"overlap_seconds" min:"1" max:"2592000" doc:"For how long messages are signed by the old secret as well; a day if absent, 30 days at most."`
}

// overlap is for how long two secrets sign unless asked otherwise.
const overlap = 24 * time.Hour

// hook is a webhook as it is shown.
type hook struct {
	ID      string        `json:"id" doc:"Its id."`
	URL     string        `json:"url" doc:"Where messages are posted to."`
	Kinds   []string      `json:"kinds" doc:"The kinds of events it is told of; empty is all."`
	State   string        `json:"state" enum:"on|stopped" doc:"Whether anything is sent."`
	Why     store.Stopped `json:"stopped,omitempty" enum:"asked|gone|failing" doc:"Why it is stopped: asked, somebody asked for it; gone, it answered 410; failing, every attempt failed for five days."`
	Created string        `json:"created" format:"date-time" doc:"When it was made."`
	Failing string        `json:"failing_since,omitempty" format:"date-time" doc:"Since when every attempt failed."`
	Signing int           `json:"secrets" doc:"How many secrets sign its messages now: more than one while a secret is being rotated."`
	Secret  string        `json:"secret,omitempty" doc:"The new secret. It is shown this once."`
}

// hooks is the answer to GET /v1/webhooks.
type hooks struct {
	Webhooks []hook `json:"webhooks" doc:"All of them, the oldest first."`
}

func (d *door) shownHook(w store.Webhook) hook {
	out := hook{ID: w.ID, URL: w.URL, Kinds: append([]string{}, w.Kinds...), State: "on", Why: w.Stopped, Created: stamp(w.Created), Failing: stamp(w.Failing)}
	if w.Stopped != "" {
		out.State = "stopped"
	}
	if keys, err := w.Signing(d.Now()); err == nil {
		out.Signing = len(keys)
	}
	return out
}

// withSecret is a webhook with its newest secret, which is shown this once.
func (d *door) withSecret(w store.Webhook) hook {
	out := d.shownHook(w)
	out.Secret = w.Secrets[0].Secret
	return out
}

func (d *door) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	all, err := d.Store.Webhooks(r.Context())
	if err != nil {
		return err
	}
	out := hooks{[]hook{}}
	for _, h := range all {
		out.Webhooks = append(out.Webhooks, d.shownHook(h))
	}
	return reply(w, http.StatusOK, out)
}

func (d *door) addWebhook(w http.ResponseWriter, r *http.Request) error {
	var in webhookNew
	if err := d.decode(w, r, &in); err != nil {
		return err
	}
	if err := d.Courier.CheckURL(in.URL); err != nil {
		return fault.At(fault.Invalid, "url", "%s", err)
	}
	made, err := d.Store.AddWebhook(r.Context(), in.URL, in.Kinds)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, d.withSecret(made))
}

func (d *door) showWebhook(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Store.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, d.shownHook(h))
}

func (d *door) changeWebhook(w http.ResponseWriter, r *http.Request) error {
	var in webhookChange
	if err := d.decode(w, r, &in); err != nil {
		return err
	}
	if in.URL != "" {
		if err := d.Courier.CheckURL(in.URL); err != nil {
			return fault.At(fault.Invalid, "url", "%s", err)
		}
	}
	h, err := d.Store.ChangeWebhook(r.Context(), r.PathValue("id"), func(h *store.Webhook, _ time.Time) error {
		if in.URL != "" {
			h.URL = in.URL
		}
		if in.Kinds != nil {
			h.Kinds = in.Kinds
		}
		switch {
		case in.State == "on":
			h.Stopped = ""
		case in.State == "stopped" && h.Stopped == "":
			h.Stopped = store.StoppedAsked
		}
		return nil
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, d.shownHook(h))
}

func (d *door) removeWebhook(w http.ResponseWriter, r *http.Request) error {
	if err := d.Store.RemoveWebhook(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *door) rotateWebhook(w http.ResponseWriter, r *http.Request) error {
	var in webhookRotation
	if err := d.decode(w, r, &in); err != nil {
		return err
	}
	both := overlap
	if in.Overlap > 0 {
		both = time.Duration(in.Overlap) * time.Second
	}
	h, err := d.Store.ChangeWebhook(r.Context(), r.PathValue("id"), func(h *store.Webhook, now time.Time) error {
		return h.Rotate(now, now.Add(both))
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, d.withSecret(h))
}

// decode reads the JSON body of a request into a shape.
func (d *door) decode(w http.ResponseWriter, r *http.Request, into any) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	return strict.Decode(raw, into)
}
