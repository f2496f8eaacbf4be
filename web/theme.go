package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"math"
	"strconv"
	"strings"
)

//go:embed style.css
var styleSource string

// style is the one sheet of all pages. Its address is of its bytes, so that a
// browser asks for it once; a page that stands at another host holds it itself.
type style struct {
	css       template.CSS
	path, csp string // csp: value of Content-Security-Policy
}

// Backgrounds of the two themes on which the company's colour has to be read.
var (
	lightGround = rgb{0xfa, 0xf9, 0xf6}
	darkGround  = rgb{0x22, 0x28, 0x2d}
)

// quiet is the accent of a company that names none.
const quiet = "#2b5876"

// styleOf makes the sheet with a company's colour, "" or one that cannot be
// read being quiet. In either theme the colour is moved towards black or white
// until it stands out by 4.5:1 (WCAG 2.2, 1.4.3).
func styleOf(color string) style {
	c, ok := parseColor(color)
	if !ok {
		c, _ = parseColor(quiet)
	}
	css := strings.NewReplacer(
		"ACCENT_LIGHT", c.until(rgb{}, lightGround).String(),
		"ACCENT_DARK", c.until(rgb{255, 255, 255}, darkGround).String(),
		"\n", "",
	).Replace(styleSource)
	sum := sha256.Sum256([]byte(css))
	return style{template.CSS(css), "/assets/style-" + hex.EncodeToString(sum[:6]) + ".css", "default-src 'none'; style-src 'self' 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
}

// sheet serves the sheet. A page made by a server of another release names
// another one: it gets today's, until it is asked for again.
func (s *site) sheet(v *visit) error {
	cache := never
	if v.URL.Path == v.ed.style.path {
		cache = forever
	}
	b, err := v.once("sheet", func() ([]byte, error) { return []byte(v.ed.style.css), nil })
	if err != nil {
		return err
	}
	v.send(200, cache, "text/css; charset=utf-8", b)
	return nil
}

// rgb is a colour of sRGB.
type rgb [3]uint8

func parseColor(s string) (rgb, bool) {
	hex, found := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !found || err != nil || len(hex) != 6 {
		return rgb{}, false
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

func (c rgb) String() string {
	return "#" + strconv.FormatUint(1<<24|uint64(c[0])<<16|uint64(c[1])<<8|uint64(c[2]), 16)[1:]
}

// until mixes c with a pole, as little as is needed to be read on the ground.
func (c rgb) until(pole, ground rgb) rgb {
	for step := range 21 {
		m := c.mix(pole, float64(step)/20)
		if contrast(m, ground) >= 4.5 {
			return m
		}
	}
	return pole
}

func (c rgb) mix(d rgb, part float64) rgb {
	var m rgb
	for i := range c {
		m[i] = uint8(math.Round(float64(c[i])*(1-part) + float64(d[i])*part))
	}
	return m
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c rgb) luminance() float64 {
	linear := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}
