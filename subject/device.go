package subject

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/amana-privacy/amana/fault"
)

// Bytes behind the two forms of a device: the id in the browser's cookie
// (22 characters of base64url), and its hash (43), by which it is known here.
// The hash opens nothing: only who holds the cookie can act as the browser.
const (
	cookieBytes = 16
	hashBytes   = sha256.Size
)

var base64url = base64.RawURLEncoding.Strict()

// NewDevice makes a browser's random id: what its cookie holds, and who it is here.
func NewDevice() (cookieID string, id ID) {
	var raw [cookieBytes]byte
	rand.Read(raw[:]) // never fails, by its contract
	cookieID = base64url.EncodeToString(raw[:])
	return cookieID, hashed(cookieID)
}

// DeviceOf gives the device whose cookie holds cookieID; fault.Invalid if no
// cookie of ours can hold it.
func DeviceOf(cookieID string) (ID, error) {
	if !encodes(cookieID, cookieBytes) {
		return "", fault.New(fault.Invalid, "the id of the device is not 22 characters of base64url")
	}
	return hashed(cookieID), nil
}

func hashed(cookieID string) ID {
	sum := sha256.Sum256([]byte("amana/device/v1\n" + cookieID))
	return ID(Device + ":" + base64url.EncodeToString(sum[:]))
}

// device takes either form and gives the hash.
func device(s string) (string, error) {
	if encodes(s, hashBytes) {
		return s, nil
	}
	id, err := DeviceOf(s)
	if err != nil {
		return "", fault.New(fault.Invalid, "the id of a device is 22 or 43 characters of base64url")
	}
	return string(id)[len(Device)+1:], nil
}

// encodes says that s is the one base64url form of n bytes. The length is
// asked first because the decoder skips line ends.
func encodes(s string, n int) bool {
	if len(s) != base64url.EncodedLen(n) {
		return false
	}
	raw, err := base64url.DecodeString(s)
	return err == nil && len(raw) == n
}
