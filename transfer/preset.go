package transfer

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
)

// preset is how one kind of export is read.
type preset struct {
	columns map[string]Field  // by the column's folded name
	words   map[string]answer // by the word for an answer, in small letters; the zero answer: as the status says
	status  []string          // words that may be said of all rows of a file
	needs   bool              // one of them has to be said
	told    bool              // by the first part of the file's name, where that is one
	nested  string            // of JSON: the member whose elements are the answers, in small letters
	soft    bool              // a time in Withdrawn says when a no was said, not that it was
	ofYes   bool              // a time in Time is that of the yes; of a no only Withdrawn says when
}

// answer is what a word means: a decision, or why it is none.
type answer struct {
	decision consent.Answer
	reason   Reason // with no decision
}

var (
	yes       = answer{decision: consent.Given}
	refused   = answer{decision: consent.Refused}
	withdrawn = answer{decision: consent.Withdrawn}
)

func not(why Reason) answer { return answer{reason: why} }

func (a answer) no() bool { return a == refused || a == withdrawn }

// presets are the exports that are known by name.
var presets = map[string]preset{"csv": plain, "listmonk": listmonk, "mailchimp": mailchimp, "onetrust": onetrust}

// Presets gives the names of the known exports.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// plain has columns by the names of the fields. It is also what Writer writes.
var plain = preset{
	columns: byName(fields),
	words: map[string]answer{
		"given": yes, "yes": yes, "true": yes, "1": yes, "نعم": yes,
		"refused": refused, "no": refused, "false": refused, "0": refused, "لا": refused,
		"withdrawn": withdrawn, "unsubscribed": withdrawn, "revoked": withdrawn,
		"unconfirmed": not(NotConfirmed), "expired": not(Expired), "not_asked": not(NotAnAnswer),
		// A yes that stood where the list was written, and might not be used there: why.
		"restricted": not(Barred), "objected": not(Barred), "child": not(Barred), "forbidden_by_law": not(Barred), "outside_scope": not(Barred),
		"unknown_purpose": not(Barred), "recipient_not_permitted": not(Barred), "recipient_suspended": not(Barred),
	},
	status: []string{"given", "refused", "withdrawn"},
}

func byName(list []Field) map[string]Field {
	m := map[string]Field{}
	for _, f := range list {
		m[string(f)] = f
	}
	return m
}

// listmonk is the file that listmonk's page of subscribers exports. Its columns
// and the form of its times are those of the export in cmd/subscribers.go of
// github.com/knadh/listmonk: uuid, email, name, attributes, status, created_at,
// updated_at. status is that of the subscriber (enabled, disabled, blocklisted)
// and not of a subscription: of that, all rows of a file have the one by which
// the page was filtered when it was exported (unconfirmed, confirmed,
// unsubscribed), and nothing in the file says which. It has to be told.
//
// Of the subscribers as its API gives them, one a line, each element of lists is
// an answer, by the list's name.
//
// When somebody unsubscribed is nowhere to be read: created_at is when they were
// entered, and updated_at does not change with every unsubscription (queries.sql,
// unsubscribe-by-campaign).
var listmonk = preset{
	columns: map[string]Field{
		"email": Email, "status": Decision, "createdat": Time,
		"lists.name": Purpose, "lists.subscriptionstatus": Decision, "lists.subscriptioncreatedat": Time,
	},
	words: map[string]answer{
		"confirmed": yes, "unconfirmed": not(NotConfirmed), "unsubscribed": withdrawn,
		"blocklisted": withdrawn, "disabled": not(NotAnAnswer), "enabled": {},
	},
	status: []string{"confirmed", "unconfirmed", "unsubscribed"},
	needs:  true,
	nested: "lists",
	ofYes:  true,
}

// mailchimp is one of the files of an audience export: subscribed_…,
// unsubscribed_…, cleaned_… and nonsubscribed_email_audience_export_….csv, in
// older exports …_members_export_…. They have the audience's own columns first,
// the address in "Email Address", and then MEMBER_RATING, OPTIN_TIME, OPTIN_IP,
// CONFIRM_TIME, CONFIRM_IP, LATITUDE, LONGITUDE, GMTOFF, DSTOFF, TIMEZONE, CC,
// REGION, LAST_CHANGED, LEID, EUID, NOTES, TAGS; the unsubscribed have UNSUB_TIME,
// UNSUB_CAMPAIGN_TITLE and UNSUB_REASON, the cleaned CLEAN_TIME. (Header lines of
// real exports stand in the tests of public programs that read them, such as the
// Ruby gem honey_format.) No column says in which of the four files a row was,
// and the nonsubscribed have the columns of the subscribed: the name of the file
// has to tell, or somebody.
//
// CONFIRM_TIME alone is when somebody was added; it is a confirmation where it
// is later than OPTIN_TIME. Cleaned addresses failed, which is nobody's answer.
var mailchimp = preset{
	columns: map[string]Field{"emailaddress": Email, "optintime": Time, "confirmtime": Confirmed, "unsubtime": Withdrawn, "cleantime": Lapsed},
	words: map[string]answer{
		"subscribed": yes, "unsubscribed": withdrawn, "cleaned": not(NotAnAnswer), "nonsubscribed": not(NotAnAnswer),
	},
	status: []string{"subscribed", "unsubscribed", "cleaned", "nonsubscribed"},
	needs:  true,
	told:   true,
	ofYes:  true,
}

// onetrust is what OneTrust's Universal Consent gives of data subjects: one a
// line, each element of Purposes an answer, by the purpose's name. The names are
// those of its list of data subjects, as Adobe's documents have its schema
// (AdobeDocs/experience-platform.en, help/sources/tutorials/api/create/
// consent-and-preferences/onetrust.md); the words of Status are those that the
// makers of LoyJoy list for it (docs.loyjoy.com, One Trust module). A table of
// the same names as columns, one answer a row, is read alike. ALWAYS_ACTIVE is
// said of purposes that rest on something else than consent; who took a yes back
// and gave it again has a WithdrawalDate and is ACTIVE.
var onetrust = preset{
	columns: map[string]Field{
		"identifier": Email, "language": Language, "testdatasubject": Test,
		"name": Purpose, "purposename": Purpose, "purposes.name": Purpose,
		"status": Decision, "purposes.status": Decision,
		"consentdate": Time, "purposes.consentdate": Time,
		"withdrawaldate": Withdrawn, "purposes.withdrawaldate": Withdrawn,
	},
	words: map[string]answer{
		"active": yes, "confirmed": yes,
		"withdrawn": withdrawn, "opt_out": withdrawn, "hard_opt_out": withdrawn,
		"notgiven": refused, "no_consent": refused,
		"pending": not(NotConfirmed), "expired": not(Expired),
		"always_active": not(NotAnAnswer), "no_choice": not(NotAnAnswer), "none": not(NotAnAnswer), "cancel": not(NotAnAnswer),
		"change_preferences": not(NotAnAnswer), "extend": not(NotAnAnswer),
	},
	nested: "purposes",
	soft:   true,
	ofYes:  true,
}

// StatusOf gives what the name of a file says of all its rows, "" where it says
// nothing.
func StatusOf(name, file string) string {
	p, base := presets[name], strings.ToLower(filepath.Base(file))
	for _, s := range p.status {
		if p.told && strings.HasPrefix(base, s+"_") {
			return s
		}
	}
	return ""
}
