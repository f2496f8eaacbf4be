package api

import (
	"reflect"

	"github.com/amana-privacy/amana/store"
)

const (
	aHook    = `{"id":"wh_4BIZZQ7WQ7JJC2HXUQIXVVOGQY","url":"https://crm.example.com/amana","kinds":["consent.withdrawn","subject.erased"],"state":"on","created":"2026-03-01T09:00:00.000Z","secrets":1}`
	aMessage = `{"id":"msg_4BIZZQ7WQ7JJC2HXUQIXVVOGQY_7_12","kind":"consent.withdrawn","state":"waiting","made":"2026-03-01T09:00:00.000Z","attempts":1,"next_attempt":"2026-03-01T09:00:05.100Z","last":{"at":"2026-03-01T09:00:00.100Z","status":500,"outcome":"answered 500","took_ms":12}}`
	aSecret  = `,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`
)

// webhookOperations describes the routes of webhooks.
func webhookOperations() map[string]operation {
	with := func(s string) example {
		return example{"secret", "With its secret, this once", raw(s[:len(s)-1] + aSecret)}
	}
	one := func(id, summary, text string) operation {
		return operation{id: id, summary: summary, text: text, status: "200", out: []reflect.Type{reflect.TypeFor[hook]()},
			problems: append([]*kind{unknown}, always...), answered: []example{{"webhook", "The webhook", raw(aHook)}}}
	}
	asks := func(op operation, in reflect.Type, asked ...example) operation {
		op.in, op.asked = []reflect.Type{in}, asked
		op.problems = append([]*kind{unknown, conflict}, posted...)
		return op
	}
	add := asks(one("addWebhook", "Make a webhook", "From now on messages about events are posted to the address, signed after Standard Webhooks by a secret that is in the answer and is not shown again. A message has a kind, a time and ids, and no person's data: what it is about is read over this API."),
		reflect.TypeFor[webhookNew](), example{"some", "To be told of what ends", raw(`{"url":"https://crm.example.com/amana","kinds":["consent.withdrawn","subject.erased"]}`)}, example{"all", "To be told of everything", raw(`{"url":"https://crm.example.com/amana"}`)})
	add.status, add.answered, add.problems = "201", []example{with(aHook)}, append([]*kind{conflict}, posted...)
	rotate := asks(one("rotateWebhook", "Give it a new secret", "The new secret is in the answer. For a day, or as long as is asked for, every message is signed by the old and the new one, so that a receiver can change in its own time."),
		reflect.TypeFor[webhookRotation](), example{"hour", "Both for an hour", raw(`{"overlap_seconds":3600}`)}, example{"day", "Both for a day", raw(`{}`)})
	rotate.answered = []example{with(aHook)}
	change := asks(one("changeWebhook", "Change, stop or start it", "What is absent stays as it was. A webhook that is started goes on from where it stopped."),
		reflect.TypeFor[webhookChange](), example{"stop", "Stop it", raw(`{"state":"stopped"}`)}, example{"start", "Start it, with other kinds", raw(`{"state":"on","kinds":["policy.published"]}`)})
	test := one("testWebhook", "Send it a message that says nothing", "One attempt, now, of the kind webhook.test; how it went is the answer.")
	test.out, test.answered = []reflect.Type{reflect.TypeFor[tested]()}, []example{{"well", "It was taken", raw(`{"delivered":true,"attempt":{"at":"2026-03-01T09:00:00.000Z","status":204,"outcome":"answered 204","took_ms":12}}`)}}
	list := one("listDeliveries", "What was and will be sent to it", "The newest first. What ended is kept for 30 days.")
	list.parameters = []object{
		query("state", "Only those in this state.", object{"type": "string", "enum": []string{"waiting", "delivered", "failed", "dropped"}}),
		query("limit", "How many at most.", object{"type": "integer", "minimum": 1, "maximum": store.MaxHistory, "default": store.DefaultHistory}),
		query("cursor", "The next of the page before, with the same other parameters.", object{"type": "string"}),
	}
	list.out, list.problems = []reflect.Type{reflect.TypeFor[deliveries]()}, append([]*kind{malformed, unknown, invalid}, always...)
	list.answered = []example{{"page", "A page", raw(`{"deliveries":[` + aMessage + `],"next":"` + aCursor + `"}`)}}
	again := one("redeliver", "Send a message again", "At once, under the same id, whatever became of it; then on the schedule from its beginning.")
	again.out, again.answered = []reflect.Type{reflect.TypeFor[delivery]()}, []example{{"message", "It waits", raw(aMessage)}}
	return map[string]operation{
		"GET /v1/webhooks": {id: "listWebhooks", summary: "The webhooks there are", text: "Without their secrets.", status: "200", out: []reflect.Type{reflect.TypeFor[hooks]()},
			problems: always, answered: []example{{"all", "All of them", raw(`{"webhooks":[` + aHook + `]}`)}}},
		"POST /v1/webhooks":                                      add,
		"GET /v1/webhooks/{id}":                                  one("showWebhook", "One webhook", "Without its secret."),
		"PATCH /v1/webhooks/{id}":                                change,
		"DELETE /v1/webhooks/{id}":                               {id: "removeWebhook", summary: "Remove it", text: "With its secrets and all its deliveries.", status: "204", problems: append([]*kind{unknown}, always...)},
		"POST /v1/webhooks/{id}/rotate":                          rotate,
		"POST /v1/webhooks/{id}/test":                            test,
		"GET /v1/webhooks/{id}/deliveries":                       list,
		"POST /v1/webhooks/{id}/deliveries/{delivery}/redeliver": again,
	}
}
