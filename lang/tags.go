package lang

import (
	"maps"
	"slices"
)

// Tags gives the languages the pages can speak, sorted. Which of them a company
// declares, its policy says.
func Tags() []string { return slices.Sorted(maps.Keys(languages)) }

// Name gives a language's name for itself.
func (w *Words) Name() string { return w.rules.name }
