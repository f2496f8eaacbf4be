package consent

import (
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// topicsOf gives the topics of a yes, sorted: those it names, or all that its
// purpose showed; nil where the purpose has none. A permission has none of its
// own.
func topicsOf(p policy.Purpose, e Event) []string {
	if e.Recipient != "" {
		return nil
	}
	topics := slices.Clone(e.Topics)
	if len(topics) == 0 {
		for _, t := range p.Topics {
			topics = append(topics, t.ID)
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// hasTopics reports whether topics hold all of the others; nil is the whole purpose.
func hasTopics(topics, others []string) bool {
	if topics == nil || others == nil {
		return topics == nil
	}
	return !slices.ContainsFunc(others, func(t string) bool { return !slices.Contains(topics, t) })
}

// narrow takes from a yes the topics that a later answer does not name; nil
// when none is left. The yes itself is not changed.
func narrow(yes *Yes, named []string) *Yes {
	if yes == nil || named == nil || hasTopics(named, yes.Topics) {
		return yes
	}
	less := *yes
	if less.Topics == nil {
		less.Topics = named
		return &less
	}
	less.Topics = slices.DeleteFunc(slices.Clone(yes.Topics), func(t string) bool { return !slices.Contains(named, t) })
	if len(less.Topics) == 0 {
		return nil
	}
	return &less
}
