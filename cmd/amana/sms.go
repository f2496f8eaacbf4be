package main

import (
	"errors"
	"fmt"
	"log/slog"

	"go.yaml.in/yaml/v4"

	"github.com/amana-privacy/amana/sms"
	"github.com/amana-privacy/amana/web"
)

// gatewayIn reads the part sms of server.yaml.
func gatewayIn(value *yaml.Node, g *sms.Gateway) error {
	if value.Kind != yaml.MappingNode {
		return errors.New("must have url, body, and perhaps method and headers")
	}
	for i := 0; i < len(value.Content); i += 2 {
		key, v := value.Content[i].Value, value.Content[i+1]
		into, ok := map[string]any{"url": &g.URL, "method": &g.Method, "headers": &g.Headers, "body": &g.Body}[key]
		if !ok {
			return fmt.Errorf("%d:%d: no such key %s; there are url, method, headers and body", value.Content[i].Line, value.Content[i].Column, key)
		}
		if err := v.Decode(into); err != nil {
			return fmt.Errorf("%d:%d: %s is not of its form", v.Line, v.Column, key)
		}
	}
	return nil
}

// texts sends text messages, where a gateway is named.
type texts struct{ *sms.Sender }

func (c *config) texts(log *slog.Logger) (texts, error) {
	if c.SMS == nil {
		return texts{}, nil
	}
	s, err := sms.New(*c.SMS, log.With("engine", "sms"))
	return texts{s}, err
}

// send is for the pages; nil where nothing can be sent.
func (t texts) send() web.SendSMS {
	if t.Sender == nil {
		return nil
	}
	return t.Send
}
