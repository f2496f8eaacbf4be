package feed

// Beside changes how long a snapshot may be beside what it has for each row.
func (r *Replica) Beside(n uint64) { r.beside = n }
