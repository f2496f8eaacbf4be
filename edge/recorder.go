// Package edge is what both doors do alike over HTTP: count what is answered,
// bound what is worked on at once, tag what may be kept, tell JSON by its
// header, and keep what a panic carries out of the log.
package edge

import "net/http"

// Recorder remembers what was answered. One request owns it.
type Recorder struct {
	http.ResponseWriter
	Status int   // 0 until something is answered
	Bytes  int64 // of the body
}

// WriteHeader notes the first status.
func (w *Recorder) WriteHeader(status int) {
	if w.Status == 0 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts; a body without a status is a 200, as in net/http.
func (w *Recorder) Write(b []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.Bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *Recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
