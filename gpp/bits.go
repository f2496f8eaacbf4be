package gpp

import "strings"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// bits is a string of bits, written as base64url of six bits a character. It is
// filled with zeros to whole bytes first, then to whole characters, as the
// platform's own encoders do.
type bits struct {
	list  []byte // 0 or 1
	short bool   // more was taken than there is
}

func (b *bits) put(v uint, n int) {
	for i := n - 1; i >= 0; i-- {
		b.list = append(b.list, byte(v>>i&1))
	}
}

func (b *bits) take(n int) (v uint) {
	if len(b.list) < n {
		b.short = true
		return 0
	}
	for _, bit := range b.list[:n] {
		v = v<<1 | uint(bit)
	}
	b.list = b.list[n:]
	return v
}

func (b *bits) String() string {
	var out strings.Builder
	for len(b.list)%8 != 0 {
		b.list = append(b.list, 0)
	}
	for i := 0; i < len(b.list); i += 6 {
		six := bits{list: append([]byte{}, b.list[i:min(i+6, len(b.list))]...)}
		for len(six.list) < 6 {
			six.list = append(six.list, 0)
		}
		out.WriteByte(alphabet[six.take(6)])
	}
	return out.String()
}

func parse(s string) (*bits, error) {
	b := &bits{}
	for i := range len(s) {
		v := strings.IndexByte(alphabet, s[i])
		if v < 0 || len(s) > 64 {
			return nil, errString
		}
		b.put(uint(v), 6)
	}
	return b, nil
}
