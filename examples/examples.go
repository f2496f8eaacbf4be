// Package examples carries two whole policies, written as such companies would
// really promise: Casco Fiber, an Internet provider in Maine (English master,
// Arabic), and Souq Nakheel, a shop in Riyadh (Arabic master, English). They
// are what the demo runs on, models for an author, and material for tests.
package examples

import "embed"

// FS holds one directory a company, each with its amana.yaml and the logo the
// policy names: casco-fiber and souq-nakheel.
//
//go:embed casco-fiber souq-nakheel
var FS embed.FS
