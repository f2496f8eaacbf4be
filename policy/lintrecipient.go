package policy

import (
	"fmt"
	"slices"
)

// recipient checks that a recipient gets only what purposes that name it use.
// For a purpose it gets the data that both declare.
func (l *linter) recipient(id string, r Recipient) {
	path := "recipients." + id
	if r.Role == ThirdParty && r.Permission == WithPurpose {
		l.at(path+".permission", "A6", fmt.Sprintf("%s is a third party: it needs a permission of its own, always", quoted(id)), "write permission: own, or leave it out")
	}
	if l.has(path+".review_every") && r.ReviewEvery == (Duration{Said: true}) {
		l.at(path+".review_every", "A6", path+" is never due for review", "such as P6M")
	}
	u := l.uses[id]
	for _, d := range r.Data {
		if _, declared := l.p.Data[d]; u.clear && declared && !u.data[d] {
			l.word(path+".data", d, "A6", fmt.Sprintf("%s gets %s, but no purpose that names it uses that", quoted(id), quoted(d)), "leave it out, or add it to the purpose that needs it")
		}
	}
}

// use is what the purposes that name a recipient use.
type use struct {
	data  map[string]bool
	clear bool // every one of them could be read whole
}

func (l *linter) usesOf() map[string]use {
	uses := map[string]use{}
	for _, p := range l.p.Purposes {
		for _, id := range p.Recipients {
			u, named := uses[id]
			if !named {
				u = use{map[string]bool{}, true}
			}
			for _, d := range p.Data {
				u.data[d] = true
			}
			u.clear = u.clear && l.declares(p.Data)
			uses[id] = u
		}
	}
	return uses
}

// declares reports whether all of the data is declared; of a list with a
// misspelt id, which is a finding already, nothing can be told.
func (l *linter) declares(data []string) bool {
	return !slices.ContainsFunc(data, func(id string) bool { _, ok := l.p.Data[id]; return !ok })
}

// stored checks an item on the customer's device against its purpose.
func (l *linter) stored(path string, s Stored) {
	p, declared := l.p.Purposes[s.Purpose]
	if !declared {
		return
	}
	if _, known := l.p.Recipients[s.Recipient]; known && !slices.Contains(p.Recipients, s.Recipient) {
		l.at(path+".recipient", "A8", fmt.Sprintf("%s reads %s, but the purpose %s does not name it", quoted(s.Recipient), quoted(s.Name), s.Purpose), "add it to the recipients of the purpose")
	}
	asked := slices.Contains(p.Acts(), "device") || p.ActsOn != nil && len(p.ActsOn) == 0 // the latter is said at the purpose
	if p.Basis == Consent && !asked {
		l.at(path+".purpose", "A8", fmt.Sprintf("%s is stored on a device, but %s does not ask on the device", quoted(s.Name), s.Purpose), "give the purpose acts_on: [device]")
	}
}
