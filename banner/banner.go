// Package banner compiles what the company's own sites load: one script with
// the questions of the policy in force in the visitor's language, and nothing
// that is not in the policy.
//
// The script is written in TypeScript (src), built by a module of its own
// (build) and embedded here as it was built. Compiling is pure: the same
// version, language and visitor give the same bytes.
package banner

import (
	_ "embed"
	"encoding/json"
)

//go:generate go -C build run .

// The built parts. Each speaks of its settings as $C.
var (
	//go:embed built/gate.js
	gateJS string
	//go:embed built/full.js
	fullJS string
	//go:embed built/ui.js
	uiJS string
	//go:embed built/style.css
	styleCSS string
)

// with gives a part its settings.
func with(settings any, part string) []byte {
	raw, err := json.Marshal(settings)
	if err != nil {
		panic("banner: settings do not marshal: " + err.Error()) // they are plain values
	}
	return []byte("{let $C=" + string(literal(raw)) + ";" + part + "}")
}
