package mailtest

import (
	"fmt"
	"time"

	"github.com/amana-privacy/amana/letter"
)

// Letters gives a letter of each kind in a language, with all that its kind holds,
// each to an address that names both: sign_in.ar@example.com.
func Letters(language string, now time.Time) (list []letter.Letter) {
	const token = "JBSWY3DPEHPK3PXPJBSWY3DPEH"
	for _, k := range letter.Kinds() {
		l := letter.Letter{Kind: k, To: fmt.Sprintf("%s.%s@example.com", k, language), Language: language}
		switch k {
		case letter.Confirm:
			l.Path, l.Leave = "/c/"+token, token
		case letter.SignIn:
			l.Path, l.Code, l.Until = "/"+language+"/me/link/"+token, "314159", now.Add(15*time.Minute)
		case letter.Join:
			l.Code, l.Until = "314159", now.Add(15*time.Minute)
		case letter.Erasing:
			l.Path, l.Until = "/me/requests/8e03978e-40d5-43dd-bc93-6894a57f9324", now.Add(72*time.Hour)
		case letter.Linked:
			l.Path, l.What = "/"+language+"/me/undo/"+token, "phone:+1…34"
		case letter.Unlinked:
			l.What = "email:s…@….com"
		case letter.Parent:
			l.Path, l.Until = "/parent/"+token, now.Add(7*24*time.Hour)
		case letter.Again:
			l.Path, l.Until = "/p/"+token, now.Add(7*24*time.Hour)
		case letter.Company:
			l.Leave, l.Subject, l.Text = token, "News", "See https://www.example.com/7"
			l.HTML = `<p>See <a href="https://www.example.com/7">here</a></p>`
		}
		list = append(list, l)
	}
	return list
}
