//go:build amd64 || arm64

package table

// prefetch has a line fetched without waiting for it. Reading a word of it
// would not do: what is read has to arrive before many more instructions are
// done, so that few lines would be on their way at once.
//
//go:noescape
func prefetch(l *line)
