// Package policy is the language of amana.yaml: what a company promises its
// customers about their data, as a file that can be checked, named and
// compared.
//
// The struct tags are the language's one description: the strict reader, the
// canonical form and the JSON Schema for editors are all derived from them.
//
//	key:"name"            the key in the file
//	key:"name,required"   must stand in the file: a missing part of the whole is a finding of lint, a key missing inside a part a finding of the reader
//	doc:"…"               one sentence for the schema
//	enum:"a|b|c"          the closed set of words a scalar may have
//	ref:"data"            a scalar (or list of scalars) that must be declared under that top-level map
//	key:"name,plain"      a Text that may also be one plain scalar: a proper name, the same in every language
//	key:"name,set"        a list whose order says nothing: sorted when read, nothing twice
//	is:"email"            the form of a scalar, checked by lint (see form.go)
//	keys:"a|b"            the closed set of keys of a map; other maps are keyed by ids
//	max:"3"               the largest number
package policy

import "slices"

// Text is one text in every declared language, keyed by BCP 47 tag.
type Text map[string]string

// In gives the text in a language, or "" where it is missing. A proper name
// that was written once, without languages, stands under the key "".
func (t Text) In(language string) string {
	if s, ok := t[language]; ok {
		return s
	}
	return t[""]
}

// Basis is the legal basis of a purpose (GDPR Article 6(1) in words).
type Basis string

// The legal bases.
const (
	Consent            Basis = "consent"
	Contract           Basis = "contract"
	LegalObligation    Basis = "legal_obligation"
	LegitimateInterest Basis = "legitimate_interest"
	PublicInterest     Basis = "public_interest"
	VitalInterest      Basis = "vital_interest"
)

// DPV gives the basis as a term of the W3C Data Privacy Vocabulary.
func (b Basis) DPV() string {
	switch b {
	case Consent:
		return "Consent"
	case Contract:
		return "Contract"
	case LegalObligation:
		return "LegalObligation"
	case LegitimateInterest:
		return "LegitimateInterest"
	case PublicInterest:
		return "PublicInterest"
	case VitalInterest:
		return "VitalInterest"
	}
	return "LegalBasis"
}

// Bases gives the DPV terms of all bases.
func Bases() []string {
	return []string{Consent.DPV(), Contract.DPV(), LegalObligation.DPV(), LegitimateInterest.DPV(), PublicInterest.DPV(), VitalInterest.DPV()}
}

// Permission says how a recipient is permitted: shown inside the purpose's
// scope, or by an answer of its own.
type Permission string

// The two forms of permission.
const (
	WithPurpose Permission = "with_purpose"
	Own         Permission = "own"
)

// Role of a recipient.
type Role string

// The two roles.
const (
	Processor  Role = "processor"
	ThirdParty Role = "third_party"
)

// Mark is a property of a purpose to which rules are tied.
type Mark string

// The marks. Sale, Sharing and TargetedAds answer to Global Privacy Control.
const (
	Marketing   Mark = "marketing"
	Ads         Mark = "ads"
	TargetedAds Mark = "targeted_ads"
	Sale        Mark = "sale"
	Sharing     Mark = "sharing"
)

// Policy is amana.yaml, read and typed. It is read-only once made.
type Policy struct {
	Amana         int                  `key:"amana,required" doc:"Version of the policy language: 1."`
	Organization  Organization         `key:"organization,required" doc:"Who makes the promises, and how to reach them (N01-N03, N24, N32)."`
	Brands        map[string]Brand     `key:"brands" doc:"Several faces of one controller."`
	Languages     []string             `key:"languages,required" doc:"Languages of every text; the first is the master." enum:"en|ar"`
	Regimes       []string             `key:"regimes,set" doc:"Laws that apply; amana-charter always holds." ref:"regime"`
	DefaultRegion string               `key:"default_region" doc:"ISO 3166 region by which local phone numbers are read, e.g. US." is:"region"`
	Digits        string               `key:"digits" doc:"Digits of Arabic pages; one choice for the site. Digits inside your own texts stay as you write them." enum:"latin|arabic"`
	Calendar      string               `key:"calendar" doc:"Calendar of dates on Arabic pages." enum:"gregorian|both"`
	Data          map[string]Data      `key:"data,required" doc:"Every category of data that is held (N04)."`
	Purposes      map[string]Purpose   `key:"purposes,required" doc:"Every reason for which data is used (A4, B1-B5; N05-N10)."`
	Recipients    map[string]Recipient `key:"recipients,required" doc:"Everyone else who gets data (A6; N13-N16). An empty map says: nobody."`
	Storage       []Stored             `key:"storage,required" doc:"Every cookie and stored item (A8; N25). An empty list says: none."`
	Systems       map[string]System    `key:"systems" doc:"Company databases in which data is kept."`
	Security      Security             `key:"security,required" doc:"How data is secured (A2; N19, N20)."`
	Access        Access               `key:"access,required" doc:"Who inside can see data (A3; N21)."`
	Children      Children             `key:"children,required" doc:"What holds for children (A10; N28)."`
	Changes       Changes              `key:"changes,required" doc:"What happens when the policy changes (A11; N30)."`
	Confirm       Confirm              `key:"confirm,required" doc:"How an address is double-checked (A5; N12)."`
	Inquiries     Inquiries            `key:"inquiries" doc:"How soon questions are answered (A14)."`
	Requests      Requests             `key:"requests,required" doc:"How customers see, correct, take and erase (A7; N22, N23)."`
	Programmes    []Programme          `key:"programmes,required" doc:"Third-party privacy programmes joined (A9; N29). An empty list says: none."`
	Statements    Statements           `key:"statements" doc:"Further statements a law may ask for (N14, N26, N31)."`
	Banner        Banner               `key:"banner" doc:"How the questions on the company's own sites look, and whether these share the answer (A8)."`
}

// Organization is the controller.
type Organization struct {
	Name           Text            `key:"name,required,plain" doc:"The name customers know."`
	LegalName      Text            `key:"legal_name,required,plain" doc:"The registered name (N01)."`
	About          Text            `key:"about" doc:"One sentence: what the company does."`
	Logo           string          `key:"logo" doc:"File beside the policy: an SVG or PNG of at most 64 KiB." is:"image"`
	Color          string          `key:"color" doc:"Accent colour of the pages, #rrggbb, at least 4.5:1 against white." is:"color"`
	Contact        Contact         `key:"contact,required" doc:"Shown with every notice (A13)."`
	Representative *Representative `key:"representative" doc:"Local representative (N03)."`
	Authority      *Authority      `key:"authority" doc:"Where to complain (N24)."`
	Licence        *Licence        `key:"licence" doc:"Licence or permit where a law needs one (N32)."`
	Sites          []string        `key:"sites,required" doc:"The company's own sites, https://…" is:"https"`
}

// Contact is how a person reaches the company; all of it is required (A13).
type Contact struct {
	Email   string   `key:"email,required" is:"email"`
	Phone   string   `key:"phone,required" is:"phone"`
	Address Text     `key:"address,required,plain"`
	Hours   Text     `key:"hours,plain" doc:"When somebody answers."`
	Officer *Officer `key:"officer" doc:"Data protection or privacy officer (N02)."`
}

// Officer is the named person for privacy.
type Officer struct {
	Name  Text   `key:"name,required,plain"`
	Email string `key:"email,required" is:"email"`
	Phone string `key:"phone" is:"phone"`
}

// Representative is a local representative in another region.
type Representative struct {
	Name    Text   `key:"name,required,plain"`
	Region  string `key:"region,required" is:"region"`
	Email   string `key:"email,required" is:"email"`
	Address Text   `key:"address,required"`
}

// Authority is the public body that takes complaints.
type Authority struct {
	Name Text   `key:"name,required,plain"`
	URL  string `key:"url,required" is:"https"`
}

// Licence is a permit to process.
type Licence struct {
	Number  string `key:"number,required"`
	Issuer  Text   `key:"issuer,required"`
	Expires string `key:"expires" doc:"YYYY-MM-DD" is:"date"`
}

// Brand is one face of the controller.
type Brand struct {
	Name     Text     `key:"name,required,plain"`
	Logo     string   `key:"logo" is:"image"`
	Sites    []string `key:"sites" is:"https"`
	Contact  *Contact `key:"contact"`
	Purposes []string `key:"purposes,set" ref:"purposes"`
}

// Data is a category of data.
type Data struct {
	Label       Text   `key:"label,required" doc:"What it is, in plain words."`
	Category    string `key:"category,required" doc:"Key of the fideslang taxonomy, e.g. user.contact.email." is:"category"`
	Sensitive   bool   `key:"sensitive" doc:"Special or sensitive data."`
	From        string `key:"from,required" doc:"Where it comes from (N17)." enum:"customer|device|service|third_party|derived"`
	Source      Text   `key:"source" doc:"Which source, when it is not the customer (N17)."`
	Correctable bool   `key:"correctable" doc:"The customer may correct it online (A7)."`
	DPV         string `key:"dpv" doc:"Term of the W3C Data Privacy Vocabulary, e.g. EmailAddress." is:"term"`
}

// Purpose is one reason to use data.
type Purpose struct {
	Title         Text     `key:"title,required" doc:"A few words."`
	Text          Text     `key:"text,required" doc:"What is done and why, in plain words (N05)."`
	Benefit       Text     `key:"benefit" doc:"What the customer has of it (B4, B5; N07). Required but for legal obligations."`
	Basis         Basis    `key:"basis,required" doc:"Legal basis (N06)." enum:"consent|contract|legal_obligation|legitimate_interest|public_interest|vital_interest"`
	Data          []string `key:"data,required,set" doc:"Data categories used." ref:"data"`
	Recipients    []string `key:"recipients,set" doc:"Who else gets it." ref:"recipients"`
	Keep          Duration `key:"keep,required" doc:"How long data is kept (N18), an ISO 8601 duration."`
	KeepFrom      string   `key:"keep_from" doc:"From when the keeping time counts; for consent it is always the yes." enum:"yes|collection|last_use|contract_end"`
	Confirm       string   `key:"confirm" doc:"double: a yes counts only when confirmed from the address itself (A5)." enum:"none|double"`
	ActsOn        []string `key:"acts_on,set" doc:"Kinds of identifier it acts on; [email] where absent." enum:"email|phone|customer|device"`
	AskAgainAfter Duration `key:"ask_again_after" doc:"Earliest time at which a refusal may be asked again."`
	Marks         []Mark   `key:"marks,set" doc:"Properties to which rules are tied." enum:"marketing|ads|targeted_ads|sale|sharing"`
	Topics        []Topic  `key:"topics" doc:"Finer choices (B8)."`
	Frequency     []string `key:"frequency,set" doc:"How often, where the customer may choose (B8)." enum:"daily|weekly|monthly|quarterly|yearly"`
	GCM           []string `key:"gcm,set" doc:"Google Consent Mode signals behind it." enum:"ad_storage|ad_user_data|ad_personalization|analytics_storage|functionality_storage|personalization_storage|security_storage"`
	DPV           string   `key:"dpv" doc:"Broader term of the W3C Data Privacy Vocabulary, e.g. Marketing." is:"term"`
	IfRefused     Text     `key:"if_refused" doc:"What happens without it (N08)."`
	Automated     Text     `key:"automated" doc:"Automated decisions and their logic (N27)."`
	Interest      Text     `key:"interest" doc:"Which legitimate interest (N06); required for that basis."`
}

// Topic is a finer choice within a purpose.
type Topic struct {
	ID    string `key:"id,required" is:"id"`
	Label Text   `key:"label,required"`
}

// Recipient is anyone else who gets data.
type Recipient struct {
	Name        Text       `key:"name,required,plain"`
	Role        Role       `key:"role,required" enum:"processor|third_party"`
	Permission  Permission `key:"permission" doc:"with_purpose (default of a processor) or own (always for a third party)." enum:"with_purpose|own"`
	Does        Text       `key:"does" doc:"What it does with the data, in a few words."`
	Country     string     `key:"country,required" doc:"ISO 3166 code of where data goes (N16)." is:"region"`
	Safeguard   Text       `key:"safeguard" doc:"What protects data abroad (N16)."`
	PolicyURL   string     `key:"policy_url,required" doc:"Its own privacy policy (A6; N15)." is:"https"`
	ReviewEvery Duration   `key:"review_every,required" doc:"How often we check its policy (A6)."`
	Grace       Duration   `key:"grace" doc:"How long a late review is tolerated."`
	Data        []string   `key:"data,required,set" doc:"What it gets." ref:"data"`
}

// Stored is a cookie or another item kept on the customer's device.
type Stored struct {
	Name      string   `key:"name,required" doc:"Name, with * as wildcard."`
	Kind      string   `key:"kind,required" enum:"cookie|local_storage|session_storage|indexed_db|cache|pixel"`
	Purpose   string   `key:"purpose,required" ref:"purposes"`
	Recipient string   `key:"recipient" doc:"Who reads it, where it is not the company." ref:"recipients"`
	Lifetime  Duration `key:"lifetime" doc:"How long it stays; absent: until the browser closes."`
	Why       Text     `key:"why,required" doc:"Why and how it is used (A8)."`
}

// System is a company database.
type System struct {
	Name    Text   `key:"name"`
	Country string `key:"country" doc:"Where it stands." is:"region"`
	Dataset string `key:"dataset" doc:"File that describes it."`
}

// Security says how data is secured.
type Security struct {
	Measures    []Text `key:"measures" doc:"Measures in plain words (A2; N20)."`
	Destruction Text   `key:"destruction" doc:"How data is destroyed (N19)."`
	Text        Text   `key:"text"`
}

// Access says who inside may see data.
type Access struct {
	StaffAtMost int    `key:"staff_at_most,required" doc:"At most so many colleagues have access."`
	LooksPerDay int    `key:"looks_per_day" doc:"At most so many looks a person a day."`
	Roles       []Text `key:"roles" doc:"Which roles (N21)."`
	Text        Text   `key:"text" doc:"The rule in plain words."`
}

// Children says what holds for children.
type Children struct {
	MinimumAge int      `key:"minimum_age,required"`
	Below      string   `key:"below,required" doc:"What happens below that age." enum:"refuse|parent"`
	Ask        []string `key:"ask,set" doc:"Purposes before whose first yes a browser is asked in which years its user was born, by bands." ref:"purposes"`
	Text       Text     `key:"text"`
}

// Changes says how a change of the policy is announced.
type Changes struct {
	Notice Duration `key:"notice,required" doc:"How long beforehand."`
	By     []string `key:"by,required,set" doc:"By which ways." enum:"email|banner|portal|post"`
	Text   Text     `key:"text"`
}

// Confirm says how an address is confirmed.
type Confirm struct {
	Within Duration `key:"within,required" doc:"A yes that is not confirmed in this time lapses."`
	Text   Text     `key:"text"`
}

// Inquiries says how soon questions are answered.
type Inquiries struct {
	AnswerWithin Duration `key:"answer_within,required"`
}

// Requests says how rights are exercised.
type Requests struct {
	AnswerWithin   Duration       `key:"answer_within" doc:"Our own target, e.g. P7D."`
	Rights         []string       `key:"rights,set" doc:"What customers may demand." enum:"access|correction|erasure|portability|objection|restriction|complaint"`
	Proof          map[string]int `key:"proof" doc:"Level of proof (0-3) by act: 0 the browser alone, 1 a mailbox or phone, 2 a second linked identifier or your own login, 3 a document looked at." keys:"access|correction|erasure|portability|objection|restriction|complaint" max:"3"`
	ProofSensitive map[string]int `key:"proof_sensitive" doc:"Level of proof (0-3) by act where sensitive data is concerned; never less than proof." keys:"access|correction|erasure|portability|objection|restriction|complaint" max:"3"`
	Text           Text           `key:"text"`
	Evidence       Evidence       `key:"evidence" doc:"What of answers stays sealed after an erasure; where absent, only the receipt of the erasure itself, for a year."`
}

// Evidence is what has to outlive an erasure, so that it can be proved what a
// person had answered. Two named people open it, and that is published.
type Evidence struct {
	Basis Basis    `key:"basis,required" doc:"Legal basis of keeping it." enum:"legal_obligation|legitimate_interest"`
	Keep  Duration `key:"keep,required" doc:"How long after the erasure, an ISO 8601 duration."`
	Why   Text     `key:"why,required" doc:"What it is needed for, in plain words."`
}

// ErasureKept is how long the receipt of an erasure is kept where the policy
// declares no other time.
var ErasureKept = Duration{Months: 12, Said: true}

// Banner says how the questions on the company's own sites look. No key makes
// one answer look different from another (B3).
type Banner struct {
	Shared bool  `key:"shared" doc:"Sites of one registrable domain share the answer."`
	Theme  Theme `key:"theme" doc:"Colours and corners; the browser's own where absent."`
}

// Theme are colours, each #rrggbb. The dark ones hold where the reader prefers
// dark pages; without them the light ones hold there too.
type Theme struct {
	Background     string `key:"background" is:"rgb"`
	Text           string `key:"text" doc:"Also of the buttons, all alike; at least 4.5:1 against the background." is:"rgb"`
	DarkBackground string `key:"dark_background" is:"rgb"`
	DarkText       string `key:"dark_text" is:"rgb"`
	Corners        string `key:"corners" enum:"round|square"`
}

// Programme is a third-party privacy programme (TRUSTe, BBB).
type Programme struct {
	Name   Text   `key:"name,required,plain"`
	Issuer Text   `key:"issuer,required,plain"`
	URL    string `key:"url" doc:"Page on which membership can be checked." is:"https"`
}

// Statements are further statements.
type Statements struct {
	Sale       Text `key:"sale" doc:"Whether data is sold or shared (N14)."`
	Signals    Text `key:"signals" doc:"How Global Privacy Control is treated (N26)."`
	Incentives Text `key:"incentives" doc:"Incentives tied to data, or that there are none (N31)."`
}

// PermissionOf gives a recipient's permission with its default: own for a
// third party always, with_purpose for a processor unless it says otherwise.
func (r Recipient) PermissionOf() Permission {
	if r.Role == ThirdParty || r.Permission == Own {
		return Own
	}
	return WithPurpose
}

// Acts gives the kinds of identifier a purpose acts on, [email] by default.
func (p Purpose) Acts() []string {
	if len(p.ActsOn) == 0 {
		return []string{"email"}
	}
	return p.ActsOn
}

// CountsFrom says from when the keeping time counts, in the words of KeepFrom:
// for consent always from the yes, else as declared, "" where nothing is said.
func (p Purpose) CountsFrom() string {
	if p.Basis == Consent {
		return "yes"
	}
	return p.KeepFrom
}

// HeedsSignal reports whether a Global Privacy Control signal is a no to the
// purpose: it sells or shares data, or aims ads with it.
func (p Purpose) HeedsSignal() bool {
	return slices.ContainsFunc(p.Marks, func(m Mark) bool { return m == Sale || m == Sharing || m == TargetedAds })
}

// Double reports whether a yes has to be confirmed from the address itself.
func (p Purpose) Double() bool { return p.Confirm == "double" }

// Master is the first declared language.
func (p *Policy) Master() string { return p.Languages[0] }
