package api

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/strict"
)

// object is a JSON object in the making.
type object = map[string]any

// schemaNames are the names of the shapes in the document; a shape without one
// is a mistake. Those of a receipt are named after their types.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[submission](): "Submission", reflect.TypeFor[choice](): "Choice", reflect.TypeFor[signals](): "Signals",
	reflect.TypeFor[recorded[receipt.Receipt]](): "Recorded", reflect.TypeFor[recorded[string]](): "RecordedIDs",
	reflect.TypeFor[question](): "Question", reflect.TypeFor[answer](): "Answer",
	reflect.TypeFor[wanted](): "ReceiptsWanted", reflect.TypeFor[found](): "ReceiptsFound",
	reflect.TypeFor[eventsWanted](): "EventsWanted", reflect.TypeFor[history](): "History", reflect.TypeFor[event](): "Event",
	reflect.TypeFor[handOver](): "PortalHandOver", reflect.TypeFor[handedOver](): "PortalLink",
	reflect.TypeFor[webhookNew](): "WebhookNew", reflect.TypeFor[webhookChange](): "WebhookChange", reflect.TypeFor[webhookRotation](): "WebhookRotation",
	reflect.TypeFor[hook](): "Webhook", reflect.TypeFor[hooks](): "Webhooks", reflect.TypeFor[tested](): "WebhookTested",
	reflect.TypeFor[delivery](): "Delivery", reflect.TypeFor[deliveries](): "Deliveries", reflect.TypeFor[try](): "Attempt",
	reflect.TypeFor[demandList](): "Requests", reflect.TypeFor[demand](): "Request", reflect.TypeFor[correction](): "Correction",
	reflect.TypeFor[demandWanted](): "RequestWanted", reflect.TypeFor[demandOutcome](): "RequestOutcome",
	reflect.TypeFor[permitsWanted](): "PermitsWanted", reflect.TypeFor[permits](): "Permits", reflect.TypeFor[permit](): "Permit",
	reflect.TypeFor[policies](): "Policies", reflect.TypeFor[published](): "PolicyVersion",
	reflect.TypeFor[news](): "News", reflect.TypeFor[publisher.Beginning](): "Beginning",
	reflect.TypeFor[wellness](): "Wellness", reflect.TypeFor[problem](): "Problem", reflect.TypeFor[mistake](): "Mistake",
	reflect.TypeFor[consent.Signals](): "ReceiptSignals", reflect.TypeFor[receipt.Receipt](): "Receipt",
}

// schemaTexts describe the shapes that are not the door's own.
var schemaTexts = map[string]string{
	"Receipt":        "What the person keeps of an answer: a record with its proof, structured after ISO/IEC TS 27560 in terms of the W3C Data Privacy Vocabulary. Give it to the person as it is; amana verify checks it offline. It proves what was said then, never what holds now.",
	"ReceiptRecord":  "What the ledger committed to.",
	"ReceiptConsent": "The answer itself.",
	"ReceiptNotice":  "What was shown.",
	"ReceiptProcess": "The words the person was shown, in the language they were shown in.",
	"ReceiptProof":   "An RFC 6962 inclusion proof: the way from the record to the root that the checkpoint signs.",
	"Recorded":       "The receipts of what was recorded.",
	"RecordedIDs":    "With return=minimal, their ids alone.",
	"ReceiptsWanted": "Either ids or a subject; limit and cursor go with a subject.",
	"EventsWanted":   "Which of one subject's events.",
}

// schemas collects the components of the document.
type schemas object

// ref gives the schema of a type, collecting those of its parts.
func (s schemas) ref(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return object{"type": "object"}
	case t == reflect.TypeFor[[]byte]():
		return object{"type": "string", "contentEncoding": "base64"}
	case t == reflect.TypeFor[policy.VersionID]():
		return object{"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Map:
		return object{"type": "object"}
	case reflect.Slice:
		return object{"type": "array", "items": s.ref(t.Elem())}
	case reflect.Pointer:
		return s.ref(t.Elem())
	}
	name := schemaNames[t]
	if name == "" {
		name = "Receipt" + t.Name()
	}
	if _, ok := s[name]; !ok {
		s[name] = nil // for shapes that hold themselves
		s[name] = s.structure(t, name)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// structure gives the schema of a struct: of one that is read, closed and by
// the rules of the reader; of one that is written, by what is always there.
func (s schemas) structure(t reflect.Type, name string) object {
	members, required := object{}, []string{}
	read := isRead(t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, omitted := strings.CutSuffix(sf.Tag.Get("json"), ",omitempty")
		m := s.ref(sf.Type)
		if sf.Type.Kind() == reflect.Pointer && !omitted {
			m = object{"anyOf": []any{m, object{"type": "null"}}}
		}
		describe(m, sf)
		if read {
			f := strict.FieldsOf(t)[i]
			bound(m, f, sf.Type)
			omitted = !f.Need
		}
		members[tag] = m
		if !omitted {
			required = append(required, tag)
		}
	}
	out := object{"type": "object", "properties": members}
	if len(required) > 0 {
		out["required"] = required
	}
	if read {
		out["additionalProperties"] = false
	}
	if text := schemaTexts[name]; text != "" {
		out["description"] = text
	}
	if name == "ReceiptsWanted" {
		out["oneOf"] = []any{object{"required": []string{"ids"}, "properties": object{"limit": false, "cursor": false}}, object{"required": []string{"subject"}}}
	}
	return out
}

func isRead(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[submission](), reflect.TypeFor[choice](), reflect.TypeFor[signals](), reflect.TypeFor[question](), reflect.TypeFor[wanted](), reflect.TypeFor[eventsWanted](),
		reflect.TypeFor[webhookNew](), reflect.TypeFor[webhookChange](), reflect.TypeFor[webhookRotation](),
		reflect.TypeFor[handOver](), reflect.TypeFor[demandWanted](), reflect.TypeFor[demandOutcome](), reflect.TypeFor[mailing](), reflect.TypeFor[ownWords](), reflect.TypeFor[leaving](), reflect.TypeFor[permitsWanted]():
		return true
	}
	return false
}

func describe(m object, sf reflect.StructField) {
	if doc := sf.Tag.Get("doc"); doc != "" {
		m["description"] = doc
	}
	if words := sf.Tag.Get("enum"); words != "" {
		m["enum"] = strings.Split(words, "|")
	}
	if format := sf.Tag.Get("format"); format != "" {
		m["format"] = format
	}
}

// bound writes the lengths of a member that is read.
func bound(m object, f strict.Field, t reflect.Type) {
	least, most := "minLength", "maxLength"
	if t.Kind() == reflect.Slice {
		least, most = "minItems", "maxItems"
	}
	if t.Kind() == reflect.Int {
		least, most = "minimum", "maximum"
	}
	if f.Min > 0 {
		m[least] = f.Min
	}
	if f.Max > 0 {
		m[most] = f.Max
	}
}
