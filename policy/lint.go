package policy

// Lint gives what in a document breaks the charter, sorted by position.
func Lint(d *Document) []Finding { return sorted(lint(d, nil)) }

func lint(d *Document, before []Finding) []Finding { return d.absent }
