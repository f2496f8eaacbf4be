package web

import "strings"

// browserName says in two words what browser asks, so that its owner knows it
// again in the list of sessions: Firefox · Android. It is a guess, and nothing
// depends on it.
func browserName(agent string) string {
	first := func(names ...string) string {
		for _, n := range names {
			if mark, name, _ := strings.Cut(n, "="); strings.Contains(agent, mark) {
				return name
			}
		}
		return ""
	}
	program := first("Edg=Edge", "OPR=Opera", "SamsungBrowser=Samsung Internet", "Firefox=Firefox", "FxiOS=Firefox", "CriOS=Chrome", "Chrome=Chrome", "Safari=Safari")
	system := first("Android=Android", "iPhone=iPhone", "iPad=iPad", "Windows=Windows", "Mac OS=Mac", "CrOS=ChromeOS", "Linux=Linux")
	return strings.Trim(program+" · "+system, " ·")
}
