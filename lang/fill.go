package lang

import (
	"fmt"
	"html/template"
	"reflect"
	"strings"
	"time"
)

// T gives the text of a key, with args as pairs of a name and a value. Values
// are strings, integers (written by Number), times (written by Date), or
// anything that fmt can print; they are put in once and never read again for
// names. The result is plain text: a page escapes it like any other value.
func (w *Words) T(key string, args ...any) string {
	t, ok := w.texts[key]
	if !ok {
		return key
	}
	return fill(t.in(other), func(name string) (string, bool) { return w.plain(args, name) })
}

// N gives the text of a key in the plural form of n; {n} is n as Number writes
// it. The other args are those of T.
func (w *Words) N(key string, n int, args ...any) string {
	t, ok := w.texts[key]
	if !ok {
		return key
	}
	args = append([]any{"n", n}, args...)
	return fill(t.in(w.rules.plural(n)), func(name string) (string, bool) { return w.plain(args, name) })
}

// H is T for HTML: the text is escaped, and so is each value, which also gets a
// <bdi> of its own, so that a Latin name in an Arabic sentence (or the reverse)
// leaves the order of its neighbours alone. Only a template.HTML value is taken
// as it is.
func (w *Words) H(key string, args ...any) template.HTML {
	s := template.HTMLEscapeString(w.texts[key].in(other))
	if s == "" {
		s = template.HTMLEscapeString(key)
	}
	return template.HTML(fill(s, func(name string) (string, bool) {
		v, ok := argument(args, name)
		if h, is := v.(template.HTML); is {
			return string(h), ok
		}
		return bdi(w.show(v)), ok
	}))
}

// Of gives the text family.member, for members of a closed set, such as the
// reasons of a decision. An empty member is called none.
func (w *Words) Of(family string, member any, args ...any) string {
	m := fmt.Sprint(member)
	if m == "" {
		m = "none"
	}
	return w.T(family+"."+m, args...)
}

func bdi(s string) string { return "<bdi>" + template.HTMLEscapeString(s) + "</bdi>" }

func (w *Words) plain(args []any, name string) (string, bool) {
	v, ok := argument(args, name)
	return w.show(v), ok
}

// argument gives the value that follows a name.
func argument(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

// show writes a value as the language does.
func (w *Words) show(v any) string {
	if t, ok := v.(time.Time); ok {
		return w.Date(t)
	}
	if _, ok := v.(fmt.Stringer); ok {
		return fmt.Sprint(v)
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return w.Number(r.Int())
	case r.CanUint():
		return w.digits(group(fmt.Sprint(v)))
	}
	return fmt.Sprint(v)
}

// fill puts values in the place of {name}; a name without a value stays as it is.
func fill(s string, value func(name string) (string, bool)) string {
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if v, ok := value(name); ok {
			b.WriteString(v)
		} else {
			b.WriteString("{" + name + "}")
		}
		s = after
	}
}
