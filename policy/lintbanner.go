package policy

import "fmt"

// theme checks that every answer can be read as well as every other: they share
// one colour of text on one background (B3; WCAG 2.2, 1.4.3).
func (l *linter) theme(t Theme) {
	l.readable("banner.theme", "background", t.Background, "text", t.Text)
	l.readable("banner.theme", "dark_background", t.DarkBackground, "dark_text", t.DarkText)
	if t.DarkText != "" && t.Text == "" && !l.excused["banner.theme.dark_text"] {
		l.at("banner.theme.dark_text", "B3", "dark colours are named, and no light ones", "name background and text too")
	}
}

func (l *linter) readable(path, groundKey, ground, textKey, text string) {
	at := path + "." + textKey
	switch {
	case (ground == "") != (text == "") && !l.excused[path+"."+groundKey] && !l.excused[at]:
		l.at(path, "B3", fmt.Sprintf("%s and %s go together", groundKey, textKey), "name both, or neither")
	case hexColor.MatchString(ground) && hexColor.MatchString(text) && contrast(ground, text) < 4.5:
		l.at(at, "B3", fmt.Sprintf("the answers cannot be read: %s on %s has a contrast of %.1f:1", text, ground, contrast(ground, text)), "at least 4.5:1")
	}
}
