package powerloss

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// call is one system call as strace prints it with -f -xx -y:
//
//	4711 pwrite64(6<\x2f\x61>, "\x68\x69", 2, 0) = 2
//
// where another thread comes between, in two lines:
//
//	4711 fsync(6<\x2f\x61> <unfinished ...>
//	4711 <... fsync resumed>) = 0
type call struct {
	span          // numbers of the lines
	thread string // that made it
	name   string
	args   []string // as printed
	result string   // as printed, up to the first space; "" where it did not return
}

// calls reads a trace. Those that failed are left out.
func calls(trace io.Reader) ([]call, error) {
	var all []call
	open := map[string]int{} // by thread, its call in all that has not ended
	lines := bufio.NewReader(trace)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return succeeded(all), nil
		} else if err != nil {
			return nil, err
		}
		if err := read(strings.TrimSuffix(line, "\n"), number, &all, open); err != nil {
			return nil, fmt.Errorf("line %d of the trace, %.200q: %w", number, line, err)
		}
	}
}

// read takes in one line.
func read(line string, number int, all *[]call, open map[string]int) error {
	thread, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
		return nil // it ended, or got a signal
	}
	if strings.HasSuffix(rest, "<detached ...>") {
		delete(open, thread) // it ended; what is printed of the call may be anything
		return nil
	}
	if _, tail, resumed := strings.Cut(rest, " resumed>"); resumed && strings.HasPrefix(rest, "<... ") {
		k, known := open[thread]
		if !known {
			return errors.New("a call goes on that did not begin")
		}
		delete(open, thread)
		(*all)[k].end = number
		return (*all)[k].finish(tail)
	}
	name, tail, found := strings.Cut(rest, "(")
	if !found {
		return errors.New("no call")
	}
	c := call{span: span{number, number}, thread: thread, name: name}
	head, unfinished := strings.CutSuffix(tail, "<unfinished ...>")
	if unfinished {
		c.end = never
		c.args = split(head)
		open[thread] = len(*all)
		*all = append(*all, c)
		return nil
	}
	err := c.finish(tail)
	*all = append(*all, c)
	return err
}

// finish takes in what stands behind the arguments known so far.
func (c *call) finish(tail string) error {
	i := strings.LastIndex(tail, ") ")
	_, result, found := strings.Cut(tail[max(i, 0):], "= ")
	if i < 0 || !found {
		return errors.New("no result")
	}
	c.args = append(c.args, split(tail[:i])...)
	switch {
	case strings.Contains(result, "ERESTART"): // it comes again
		result = "-1"
	case result == "?": // the program ended in it
		c.end = never
	}
	c.result, _, _ = strings.Cut(result, " ")
	return nil
}

// split cuts arguments at their commas, but not those within brackets.
func split(text string) []string {
	var args []string
	depth, start := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		case ',':
			if depth == 0 {
				args = append(args, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if last := strings.TrimSpace(text[start:]); last != "" {
		args = append(args, last)
	}
	return args
}

// succeeded leaves out calls that changed nothing.
func succeeded(all []call) []call {
	var kept []call
	for _, c := range all {
		if !strings.HasPrefix(c.result, "-1") {
			kept = append(kept, c)
		}
	}
	return kept
}

// arg gives an argument, "" where there are not so many.
func (c call) arg(i int) string {
	if i >= len(c.args) {
		return ""
	}
	return c.args[i]
}

// number gives an argument that is one.
func (c call) number(i int) (int64, error) {
	return strconv.ParseInt(c.arg(i), 10, 64)
}

// bytes gives an argument that is a string. One cut short by strace ends in dots.
func (c call) bytes(i int) ([]byte, error) {
	text, quoted := strings.CutPrefix(c.arg(i), `"`)
	text, whole := strings.CutSuffix(text, `"`)
	if !quoted || !whole {
		return nil, fmt.Errorf("%s: no whole string", c.name)
	}
	return unhex(text)
}

// file splits "6</path>" into the number and the path, "" where it is no file.
func file(text string) (fd, path string) {
	fd, rest, _ := strings.Cut(text, "<")
	rest, _, _ = strings.Cut(rest, ">")
	b, err := unhex(rest)
	if err != nil {
		return fd, "" // a socket or a pipe
	}
	return fd, string(b)
}

// unhex reads \x61\x62.
func unhex(text string) ([]byte, error) {
	return hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
}
