package edge

import (
	"fmt"
	"runtime"
)

// Cause gives of a recovered panic what may be logged: the runtime's own words,
// and of any other value its type alone, because the value may be what somebody
// sent.
func Cause(recovered any) error {
	if e, ok := recovered.(runtime.Error); ok {
		return e
	}
	return fmt.Errorf("panic with a %T", recovered)
}
