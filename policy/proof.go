package policy

// How well somebody has to prove who they are before they see or change what
// is held about them.

// Levels of proof. What opens a level opens those below.
const (
	ProofDevice   = 0 // the browser alone
	ProofAddress  = 1 // a mailbox or a phone, by a link or a code sent to it
	ProofTwo      = 2 // a second identifier that is linked, or the company's own login
	ProofDocument = 3 // a document that a colleague of the company looked at, and that is not kept
)

// Act is something a person may demand; its word is that of requests.rights.
type Act string

// The acts.
const (
	ActAccess      Act = "access"
	ActCorrection  Act = "correction"
	ActErasure     Act = "erasure"
	ActPortability Act = "portability"
	ActObjection   Act = "objection"
	ActRestriction Act = "restriction"
	ActComplaint   Act = "complaint"
)

// proofs are the levels where the policy says nothing, of ordinary and of
// sensitive data. Saying no to something costs no more than its yes did; what
// gives data out of hand, or destroys it, costs more the worse it would be in
// the wrong hands.
var proofs = map[Act][2]int{
	ActAccess:      {ProofAddress, ProofTwo},
	ActCorrection:  {ProofAddress, ProofTwo},
	ActErasure:     {ProofAddress, ProofTwo},
	ActPortability: {ProofTwo, ProofTwo},
	ActObjection:   {ProofAddress, ProofAddress},
	ActRestriction: {ProofAddress, ProofAddress},
	ActComplaint:   {ProofDevice, ProofDevice},
}

// Acts gives all acts, in the order of their words in the file.
func Acts() []Act {
	return []Act{ActAccess, ActCorrection, ActErasure, ActPortability, ActObjection, ActRestriction, ActComplaint}
}

// Level gives the level of proof that an act needs. Sensitive data never needs
// less than ordinary data.
func (r Requests) Level(a Act, sensitive bool) int {
	ordinary, said := r.Proof[string(a)]
	if !said {
		ordinary = proofs[a][0]
	}
	if !sensitive {
		return ordinary
	}
	level, said := r.ProofSensitive[string(a)]
	if !said {
		level = proofs[a][1]
	}
	return max(level, ordinary)
}
