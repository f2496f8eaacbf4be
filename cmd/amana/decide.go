package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
)

func runDecide(ctx context.Context, e env, args []string) error {
	fs := find("decide").flags(e)
	var at place
	at.flags(fs, "amana-data")
	server := fs.String("server", "", "ask a company door instead, e.g. http://127.0.0.1:8081")
	token := fs.String("token", "", "bearer token for --server, with the scope decide")
	purpose := fs.String("purpose", "", "purpose as the policy names it")
	data := fs.String("data", "", "data categories, separated by commas; all of the purpose's where absent")
	recipient := fs.String("recipient", "", "recipient it would be shared with")
	gpc := fs.Bool("gpc", false, "the person's browser sends Global Privacy Control")
	language := fs.String("language", "en", "language of the explanation: en or ar")
	explained := fs.Bool("explain", false, "also say what the answer rests on: policy, scope, event, receipt, entry in the log")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || *purpose == "" {
		return fmt.Errorf("say about whom and for what: amana decide email:sara@example.com --purpose newsletter")
	}
	q := decideRequest{Subject: operands[0], Purpose: *purpose, Recipient: *recipient, Detail: *explained}
	if *data != "" {
		q.Data = strings.Split(*data, ",")
	}
	if *gpc {
		q.Signals = &signals{GPC: true}
	}
	a, err := ask(ctx, at, *server, *token, q)
	if err != nil {
		return err
	}
	return tellDecided(e, a, *language, *asJSON)
}

func ask(ctx context.Context, at place, server, token string, q decideRequest) (a decided, err error) {
	if server != "" {
		a, err = askServer(ctx, server, token, q)
	} else {
		err = operate(ctx, at, func(op operator) (err error) {
			a, err = op.Decide(ctx, q)
			return err
		})
	}
	if k := fault.KindOf(err); err != nil && (k == fault.Invalid || k == fault.Malformed) {
		return a, err // wrong use: the question itself is not one
	}
	if err != nil {
		return a, exitError{exitUnknown, "could not tell, so take it for a no: " + err.Error()}
	}
	return a, nil
}

func askServer(ctx context.Context, server, token string, q decideRequest) (decided, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return decided{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+"/v1/decide", bytes.NewReader(body))
	if err != nil {
		return decided{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return decided{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Title, Detail string }
		json.NewDecoder(resp.Body).Decode(&problem) // what cannot be read says nothing
		if resp.StatusCode == http.StatusUnprocessableEntity || resp.StatusCode == http.StatusBadRequest {
			return decided{}, fault.New(fault.Invalid, "%s", problem.Detail)
		}
		return decided{}, fmt.Errorf("the server answered %s: %s %s", resp.Status, problem.Title, problem.Detail)
	}
	var a decided
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

func tellDecided(e env, a decided, language string, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(e.stdout).Encode(a); err != nil {
			return err
		}
	} else {
		words, err := wordsIn(language)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s: %s\n%s\n", map[bool]string{true: "yes", false: "no"}[a.Allowed], a.Reason, words.Of("reason", a.Reason))
		for _, l := range a.Chain {
			l.print(e.stdout, words)
		}
	}
	switch {
	case a.Allowed:
		return nil
	case a.Reason == "stale":
		return exitError{code: exitUnknown}
	default:
		return exitError{code: exitNo}
	}
}
