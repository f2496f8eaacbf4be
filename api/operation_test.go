package api

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"testing"

	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
)

// operation is what the document says of a route.
type operation struct {
	id, summary, text string
	parameters        []object
	in, out           []reflect.Type // alternatives
	asked, answered   []example
	status            string
	headers           []string // of the answer, beside X-Request-ID
	problems          []*kind
}

// example is one that a reader can send, or gets.
type example struct {
	name, summary string
	value         any
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

const aVersion = "sha256:4f0c1d5b1ad3c1a8f2a2a1b9d4a6f0e7c35b8e3d9a7c6f5e4d3c2b1a09f8e7d6"

var (
	always = []*kind{noToken, denied, tooMany, internal, busy}
	posted = append([]*kind{malformed, tooSlow, tooLarge, mediaType, invalid}, always...)
)

// operations describes the routes, by method and path.
func operations(t *testing.T) map[string]operation {
	all := map[string]operation{
		"POST /v1/consents":          consentsOperation(t),
		"POST /v1/decide":            decideOperation(),
		"POST /v1/receipts/get":      receiptsOperation(t),
		"GET /v1/events":             eventsOperation(),
		"POST /v1/events/get":        eventsOfOperation(),
		"POST /v1/portal-links":      portalOperation(),
		"POST /v1/mail":              mailOperation(),
		"POST /v1/unsubscribe-links": leaveOperation(),
		"GET /v1/requests":           requestsOperation(),
		"POST /v1/requests/get":      requestOperation(),
		"POST /v1/requests/outcome":  outcomeOperation(),
		"GET /v1/policies":           policiesOperation(),
		"GET /v1/feed":               feedOperation(),
		"GET /v1/snapshot": {id: "snapshot", summary: "Everything that decisions rest on, as a file", text: "What a replica begins from: signed, and found whole only at its end. It holds keyed tags in the place of identifiers. Go on from it at /v1/feed.",
			status: "200", problems: always},
		"POST /v1/permits": permitsOperation(),
		"GET /openapi.json": {id: "describe", summary: "This document", text: "The description of the API you are reading, as a file.", status: "200",
			out: []reflect.Type{reflect.TypeFor[json.RawMessage]()}, headers: []string{"ETag"}},
		"GET /healthz": {id: "health", summary: "Does the process answer?", text: "For whoever restarts it when it does not.", status: "200",
			out: []reflect.Type{reflect.TypeFor[wellness]()}, answered: []example{{"well", "It answers", raw(`{"status":"ok","version":"v1.0.0"}`)}}},
		"GET /readyz": {id: "ready", summary: "Can it be asked?", text: "A policy is in force and the database can be read; otherwise 503.", status: "200",
			out: []reflect.Type{reflect.TypeFor[wellness]()}, answered: []example{{"ready", "It can", raw(`{"status":"ready"}`)}}, problems: []*kind{busy}},
	}
	maps.Copy(all, webhookOperations())
	return all
}

func consentsOperation(t *testing.T) operation {
	return operation{
		id: "recordConsents", summary: "Record what a person answered",
		text: "Records a yes, a no or a withdrawal that a person gave elsewhere: by telephone, at a counter, in your own application. The record says that the company entered it, and the person gets the receipt. " +
			"All choices are recorded, or none. The answer comes after the commit is durable and after decisions of this server show it; every receipt carries its proof. " +
			"A yes to a purpose with a double opt-in is unconfirmed, and counts as no, until the person confirms it from the address itself.",
		parameters: []object{
			header("Idempotency-Key", `A key of your own making, such as "8e03978e-40d5-43dd-bc93-6894a57f9324", with or without its quotation marks. The same key with the same body is recorded once and answered alike for 24 hours; with another body it is 422.`, object{"type": "string", "minLength": 1, "maxLength": longestKey + 2}),
			header("Prefer", "return=minimal: the ids of the receipts alone. wait: until the proof is there, which here it always is.", object{"type": "string"}),
		},
		in: []reflect.Type{reflect.TypeFor[submission]()}, out: []reflect.Type{reflect.TypeFor[recorded[receipt.Receipt]](), reflect.TypeFor[recorded[string]]()},
		status: "201", headers: []string{"Preference-Applied"}, problems: append([]*kind{conflict}, posted...),
		asked: []example{
			{"yes", "A yes, and the version that was shown", raw(`{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"given","topics":["works"]}],"policy":"` + aVersion + `","language":"ar","surface":"api"}`)},
			{"several", "Two answers at once, from a browser that sends Global Privacy Control", raw(`{"subject":"device:AAECAwQFBgcICQoLDA0ODw","choices":[{"purpose":"analytics","decision":"given"},{"purpose":"ad_measurement","decision":"refused"}],"surface":"banner","signals":{"gpc":true}}`)},
			{"recipient", "A yes to one recipient that needs its own permission", raw(`{"subject":"customer:10042","choices":[{"purpose":"coverage_study","decision":"given"},{"purpose":"coverage_study","recipient":"institute","decision":"given"}]}`)},
			{"back", "Taking it back", raw(`{"subject":"phone:+12075550134","choices":[{"purpose":"text_updates","decision":"withdrawn"}]}`)},
		},
		answered: []example{
			{"receipts", "The receipts", object{"receipts": []any{receiptExample(t)}}},
			{"minimal", "With Prefer: return=minimal", raw(`{"receipts":["7d444840-9dc0-41d1-b245-5ffdce74fad2"]}`)},
		},
	}
}

func decideOperation() operation {
	return operation{
		id: "decide", summary: "May this data of this person be used for this, now?",
		text: "Ask before every use. One question or a list of at most 1000; a list is answered in its order. The default is no, and every no has its reason; what the policy does not name is answered, not refused. " +
			"Only a subject that is no identifier is an error, at subject or [i].subject. An answer holds for now: do not keep it.",
		in: []reflect.Type{reflect.TypeFor[question](), reflect.TypeFor[[]question]()}, out: []reflect.Type{reflect.TypeFor[answer](), reflect.TypeFor[[]answer]()},
		status: "200", problems: append([]*kind{conflict}, posted...),
		asked: []example{
			{"one", "One question", raw(`{"subject":"email:sara@example.com","purpose":"newsletter"}`)},
			{"detail", "What exactly, to whom, under which signal, and why", raw(`{"subject":"phone:+12075550134","purpose":"text_updates","data":["phone"],"recipient":"texter","signals":{"gpc":true},"detail":true}`)},
			{"list", "Several at once", raw(`[{"subject":"email:sara@example.com","purpose":"newsletter"},{"subject":"customer:10042","purpose":"billing"}]`)},
		},
		answered: []example{
			{"one", "No, because the yes was never confirmed", raw(`{"allowed":false,"reason":"unconfirmed","policy":"` + aVersion + `"}`)},
			{"detail", "Yes, until when and on what evidence", raw(`{"allowed":true,"reason":"given","policy":"` + aVersion + `","since":"2026-03-01T09:00:00.000Z","expires_at":"2028-03-01T09:00:00.000Z","receipt":"7d444840-9dc0-41d1-b245-5ffdce74fad2","evidence":"attested"}`)},
			{"list", "In the order asked", raw(`[{"allowed":false,"reason":"unconfirmed","policy":"` + aVersion + `"},{"allowed":true,"reason":"basis","policy":"` + aVersion + `"}]`)},
		},
	}
}

func receiptsOperation(t *testing.T) operation {
	return operation{
		id: "getReceipts", summary: "Fetch receipts",
		text: "By their ids, in the order asked, or those of one subject, oldest first: up to 1000 at once, and where there are more, next leads to them. Nobody known by the identifier is an empty list; an id that is not there is 404 at ids[i]. The receipt of a browser names it by a hash of its cookie's id.",
		in:   []reflect.Type{reflect.TypeFor[wanted]()}, out: []reflect.Type{reflect.TypeFor[found]()},
		status: "200", problems: append([]*kind{unknown}, posted...),
		asked: []example{
			{"ids", "By id", raw(`{"ids":["7d444840-9dc0-41d1-b245-5ffdce74fad2"]}`)},
			{"subject", "Those of one person", raw(`{"subject":"email:sara@example.com"}`)},
			{"page", "So many at once", raw(`{"subject":"email:sara@example.com","limit":100}`)},
		},
		answered: []example{
			{"receipts", "The receipts", object{"receipts": []any{receiptExample(t)}}},
			{"none", "Nobody is known by this identifier", raw(`{"receipts":[]}`)},
		},
	}
}

func feedOperation() operation {
	return operation{
		id: "feed", summary: "What changed, for replicas",
		text: "Rows of what is so from now on, and the signed heads that vouch for them. Begin with a nonce; load /v1/snapshot; then ask with the epoch and the number of the last head, which waits until there is anything: a head comes at least every 500 ms. " +
			"With Accept: text/event-stream everything that follows comes as server-sent events: beginning (where a nonce was sent), then batch, each in base64. 409 means that the feed does not go on from there: load a snapshot. amana serve --replica-of and the Go package do all of this.",
		parameters: []object{
			query("nonce", "A word of your own, signed in return together with the time: only so is the age of a head known.", object{"type": "string", "maxLength": 64}),
			query("epoch", "Of the snapshot or batch you have.", object{"type": "string"}),
			query("after", "The number of the last head you have.", object{"type": "integer", "minimum": 0}),
			header("Last-Event-ID", "In the place of after, as browsers send it.", object{"type": "string"}),
		},
		out: []reflect.Type{reflect.TypeFor[news]()}, status: "200", problems: append([]*kind{malformed, invalid, conflict}, always...),
		answered: []example{{"nothing", "Nothing came in ten seconds: the server may be behind", raw(`{"batches":[]}`)}},
	}
}

const aCursor = "AAABm4Z3mAAAAAAAAAAABwAAAAAAAAAMkQ2yQvE3xqk0m1V1t0c8dw"

func eventsOperation() operation {
	return operation{
		id: "listEvents", summary: "Everything that happened, page by page",
		text: "The history: every event, of one purpose or of all, by time. What was there at the first page is on exactly one of the pages, whatever is written in between. " +
			"Identifiers are masked unless identifiers=clear. No identifier is asked for here: those of one subject are at POST /v1/events/get.",
		parameters: []object{
			query("purpose", "The id of a purpose: only what is about it.", object{"type": "string"}),
			query("from", "Not before this time, RFC 3339.", object{"type": "string", "format": "date-time"}),
			query("until", "Before this time, RFC 3339.", object{"type": "string", "format": "date-time"}),
			query("order", "Which come first.", object{"type": "string", "enum": []string{"newest", "oldest"}, "default": "newest"}),
			query("limit", "How many at most.", object{"type": "integer", "minimum": 1, "maximum": store.MaxHistory, "default": store.DefaultHistory}),
			query("cursor", "The next of the page before, with the same other parameters.", object{"type": "string"}),
			query("identifiers", "How identifiers are shown.", object{"type": "string", "enum": []string{"masked", "clear"}, "default": "masked"}),
		},
		out: []reflect.Type{reflect.TypeFor[history]()}, status: "200", problems: append([]*kind{malformed, invalid}, always...),
		answered: []example{{"page", "A page, and where the next begins", raw(`{"events":[{"id":"07000000-000c-8d44-8840-9dc041d1b245","time":"2026-03-01T09:00:00.000Z","kind":"consent.given","purpose":"newsletter","decision":"given","subject":"email:s…@….com","policy":"` + aVersion + `","language":"ar","surface":"choices","by":"subject"},{"time":"2026-02-27T16:20:00.000Z","kind":"erased"}],"next":"` + aCursor + `"}`)}},
	}
}

func eventsOfOperation() operation {
	return operation{
		id: "getEvents", summary: "What happened with one subject, page by page",
		text: "The events of one subject, the newest first unless asked otherwise. Nobody known by the identifier is an empty page.",
		in:   []reflect.Type{reflect.TypeFor[eventsWanted]()}, out: []reflect.Type{reflect.TypeFor[history]()},
		status: "200", problems: posted,
		asked: []example{
			{"newest", "The last ten", raw(`{"subject":"email:sara@example.com","limit":10}`)},
			{"oldest", "From the beginning, in clear", raw(`{"subject":"customer:10042","order":"oldest","identifiers":"clear"}`)},
		},
		answered: []example{
			{"page", "The page", raw(`{"events":[{"id":"07000000-000c-8d44-8840-9dc041d1b245","time":"2026-03-01T09:00:00.000Z","kind":"consent.withdrawn","purpose":"newsletter","decision":"withdrawn","subject":"email:sara@example.com","policy":"` + aVersion + `","language":"en","surface":"api","by":"company"}]}`)},
			{"none", "Nobody is known by this identifier", raw(`{"events":[]}`)},
		},
	}
}

func permitsOperation() operation {
	return operation{
		id: "listPermits", summary: "Who is permitted, and then what changes",
		text: "For keeping a list elsewhere: amana sync does. First come pages of everybody who is permitted, while filling is true; then, with the cursor of the page before, everybody about whom something happened since. " +
			"Whoever applies all pages in their order has exactly those about whom /v1/decide says yes, as long as they heed expires_at, and begin anew where reset is true. A token needs the scope search:PURPOSE; that it began to ask is a public record.",
		in: []reflect.Type{reflect.TypeFor[permitsWanted]()}, out: []reflect.Type{reflect.TypeFor[permits]()}, status: "200", problems: append([]*kind{conflict}, posted...),
		asked: []example{{"first", "From the beginning", raw(`{"purpose":"newsletter","kind":"email"}`)}},
		answered: []example{
			{"filling", "The first of several pages", raw(`{"permits":[{"ref":"sub_CJT4YQ5KNYVKWNBPQ6ZP3C2Y2A","allowed":true,"subject":"email:sara@example.com","expires_at":"2028-03-01T09:00:00.000Z"}],"filling":true,"reset":false,"next":"` + aCursor + `","policy":"` + aVersion + `","time":"2026-03-01T09:00:00.000Z"}`)},
			{"withdrawn", "Later: somebody took a yes back", raw(`{"permits":[{"ref":"sub_CJT4YQ5KNYVKWNBPQ6ZP3C2Y2A","allowed":false}],"filling":false,"reset":false,"next":"` + aCursor + `","policy":"` + aVersion + `","time":"2026-03-01T09:00:00.000Z"}`)},
		},
	}
}

func policiesOperation() operation {
	return operation{
		id: "listPolicies", summary: "The policy in force, and those before it",
		text: "Every version that was published, the one in force first. Ask for limit=1 to get that alone; send its ETag back in If-None-Match to learn cheaply whether it still is.",
		parameters: []object{
			query("limit", "How many at most.", object{"type": "integer", "minimum": 1, "maximum": versionsMost, "default": versionsDefault}),
			query("cursor", "The next of the page before.", object{"type": "string"}),
			header("If-None-Match", "An ETag you have: 304 if nothing is new.", object{"type": "string"}),
		},
		out: []reflect.Type{reflect.TypeFor[policies]()}, status: "200", headers: []string{"ETag"}, problems: append([]*kind{malformed, invalid}, always...),
		answered: []example{{"versions", "Shortened: the policy has all its members", raw(`{"policies":[{"version":"` + aVersion + `","state":"in_force","effective":"2026-03-01T09:00:00.000Z","policy":{"amana":1,"languages":["en","ar"]}}],"next":"` + aVersion + `"}`)}},
	}
}

func header(name, text string, schema object) object {
	return object{"name": name, "in": "header", "description": text, "schema": schema}
}

func query(name, text string, schema object) object {
	return object{"name": name, "in": "query", "description": text, "schema": schema}
}

// receiptExample is a real receipt, of a log whose key nobody has.
func receiptExample(t *testing.T) json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func portalOperation() operation {
	return operation{
		id: "linkToPortal", summary: "Hand a customer over to their own pages",
		text: "For a person who is signed in at yours: the link leads them to their own pages without a second sign-in, at level 2 of proof, because you vouch for them. " +
			"Send the browser there at once; the link works one time, for five minutes, and shows a button before it signs anybody in. Vouch only for identifiers that you know to be theirs.",
		in: []reflect.Type{reflect.TypeFor[handOver]()}, out: []reflect.Type{reflect.TypeFor[handedOver]()},
		status: "201", problems: append([]*kind{conflict}, posted...),
		asked: []example{
			{"customer", "Somebody known by a customer number and an address", raw(`{"subjects":["customer:10042","email:sara@example.com"],"language":"ar"}`)},
			{"page", "To a page of theirs", raw(`{"subjects":["customer:10042"],"to":"/me/sessions"}`)},
		},
		answered: []example{
			{"link", "Where to send them", raw(`{"url":"https://privacy.example.com/ar/me/in/EXAMPLEEXAMPLEEXAMPLEEXAMPLE","expires_at":"2026-03-01T09:05:00.000Z"}`)},
		},
	}
}

const (
	aRequest = `{"id":"07000000-000c-8d44-8840-9dc041d1b245","subject":"email:s…@….com","kind":"correction","state":"open","asked":"2026-03-01T09:00:00.000Z","due":"2026-03-08T09:00:00.000Z","due_by":"promise"}`
	aDemand  = `{"id":"07000000-000c-8d44-8840-9dc041d1b245","subject":"email:sara@example.com","kind":"correction","state":"open","asked":"2026-03-01T09:00:00.000Z","due":"2026-03-08T09:00:00.000Z","due_by":"promise","linked":["customer:10042"],"corrections":[{"data":"name","value":"Sara Nasser"}]}`
)

func requestsOperation() operation {
	return operation{
		id: "listRequests", summary: "What people demand, page by page",
		text: "Every request of everybody, the oldest first, with its clock. Identifiers are masked, and what was demanded is left out: ask for one by its id. Requests of who was erased are gone with them.",
		parameters: []object{
			query("state", "Those in this state alone; open are those that wait for you.", object{"type": "string", "enum": []string{"open", "waiting", "working", "done", "refused", "cancelled"}}),
			query("limit", "How many at most.", object{"type": "integer", "minimum": 1, "maximum": store.MaxHistory, "default": store.DefaultHistory}),
			query("cursor", "The next of the page before, with the same other parameters.", object{"type": "string"}),
		},
		out: []reflect.Type{reflect.TypeFor[demandList]()}, status: "200", problems: append([]*kind{malformed, invalid}, always...),
		answered: []example{{"page", "What waits for an answer", raw(`{"requests":[` + aRequest + `],"next":"` + aCursor + `"}`)}},
	}
}

func requestOperation() operation {
	return operation{
		id: "getRequest", summary: "One request, with what was demanded",
		text: "By its id, which is no secret and says nothing of anybody.",
		in:   []reflect.Type{reflect.TypeFor[demandWanted]()}, out: []reflect.Type{reflect.TypeFor[demand]()},
		status: "200", problems: append([]*kind{unknown}, posted...),
		asked:    []example{{"one", "By id", raw(`{"id":"07000000-000c-8d44-8840-9dc041d1b245"}`)}},
		answered: []example{{"correction", "A correction that waits", raw(aDemand)}},
	}
}

func outcomeOperation() operation {
	return operation{
		id: "endRequest", summary: "Say what became of a request",
		text: "Done, or refused with a reason. The person reads the words on their own pages, and gets a receipt. What the program does by itself (a download, an erasure) is not yours to do; an erasure that waits may be refused where a law forbids it, and what it stopped goes on. A request that is over is 409.",
		in:   []reflect.Type{reflect.TypeFor[demandOutcome]()}, out: []reflect.Type{reflect.TypeFor[demand]()},
		status: "200", problems: append([]*kind{unknown, conflict}, posted...),
		asked: []example{
			{"done", "It is done", raw(`{"id":"07000000-000c-8d44-8840-9dc041d1b245","outcome":"done","words":"Your name is right now."}`)},
			{"refused", "It is refused, and why", raw(`{"id":"07000000-000c-8d44-8840-9dc041d1b245","outcome":"refused","words":"This is the name on your contract; please show us a document."}`)},
		},
		answered: []example{{"over", "As it is now", raw(`{"id":"07000000-000c-8d44-8840-9dc041d1b245","subject":"email:sara@example.com","kind":"correction","state":"done","asked":"2026-03-01T09:00:00.000Z","ended":"2026-03-02T11:30:00.000Z","corrections":[{"data":"name","value":"Sara Nasser"}],"answer":"Your name is right now."}`)}},
	}
}
