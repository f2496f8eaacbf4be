// Package store keeps everything that must outlive the process. It holds the
// only SQL of the program. State, event, ledger entry and outbox row are
// written in one transaction or not at all, and nothing is acknowledged before
// that transaction is durable.
package store
