package receipt

import "github.com/amana-privacy/amana/lang"

// Explanation says in plain words what a verdict proves and what it does not.
type Explanation struct {
	Title    string
	Proved   []string
	Unproved []string // of a broken one: why
}

// Explain puts a verdict into words. A broken receipt proves nothing.
func (v Verdict) Explain(w *lang.Words) Explanation {
	switch v.Outcome {
	case Broken:
		return Explanation{w.T("verify.broken"), nil, []string{v.Part.words(w), w.T("verify.not.any")}}
	case Pending:
		return Explanation{w.T("verify.pending"), nil, []string{w.T("verify.not.signed"), w.T("verify.not.log"), w.T("verify.not.now")}}
	case Valid:
		x := Explanation{w.T("verify.valid"), []string{w.T("verify.is.record"), w.T("verify.is.signed")}, []string{w.T("verify.not.now")}}
		switch v.Via {
		case ViaLater:
			x.Proved, x.Unproved = append(x.Proved, w.T("verify.is.later")), append(x.Unproved, w.T("verify.not.later"))
		case ViaEarlier:
			x.Proved, x.Unproved = append(x.Proved, w.T("verify.is.earlier")), append(x.Unproved, w.T("verify.not.earlier"))
		default:
			x.Proved = append(x.Proved, w.T("verify.is.pinned"))
		}
		return x
	default:
		return Explanation{w.T("verify.unidentified"), []string{w.T("verify.is.record"), w.T("verify.is.signed")}, []string{w.T("verify.not.key"), w.T("verify.not.now")}}
	}
}

func (p Part) words(w *lang.Words) string {
	switch p {
	case PartSubject:
		return w.T("verify.part.subject")
	case PartProcess:
		return w.T("verify.part.process")
	case PartProof:
		return w.T("verify.part.proof")
	case PartCheckpoint:
		return w.T("verify.part.checkpoint")
	case PartHandover:
		return w.T("verify.part.handover")
	case PartSigner:
		return w.T("verify.part.signer")
	}
	return w.T("verify.part.form")
}
