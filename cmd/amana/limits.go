package main

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

// limitsConfig bounds what the company door takes on. Zero values are the
// door's own.
type limitsConfig struct {
	// Rate is how many requests a second one token may make.
	Rate int `yaml:"rate"`
	// Burst is how many it may make at once, after a rest.
	Burst int `yaml:"burst"`
	// AtOnce is how many requests are worked on at once.
	AtOnce int `yaml:"at_once"`
	// Seconds end a request that takes longer.
	Seconds int `yaml:"seconds"`
}

// limitsIn reads the key limits of server.yaml.
func limitsIn(n *yaml.Node) (limitsConfig, error) {
	var l limitsConfig
	if n.Kind != yaml.MappingNode {
		return l, errors.New("must be keys and numbers, such as {rate: 1000, burst: 2000, at_once: 64, seconds: 10}")
	}
	into := map[string]*int{"rate": &l.Rate, "burst": &l.Burst, "at_once": &l.AtOnce, "seconds": &l.Seconds}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if into[key] == nil {
			return l, fmt.Errorf("%s: no such key; there are rate, burst, at_once and seconds", key)
		}
		if err := n.Content[i+1].Decode(into[key]); err != nil || *into[key] < 1 || *into[key] > 1_000_000 {
			return l, fmt.Errorf("%s: must be a number from 1 to 1000000", key)
		}
	}
	return l, nil
}

func (l limitsConfig) timeout() time.Duration { return time.Duration(l.Seconds) * time.Second }
