package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The gate for Node has tests of its own, in Node.
func TestTheGateForNode(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "node", "--test", "../sdk/js/gate.test.js").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What the types of Node, React and Vue say as far as it matters here: Vue's own take
// the compiler longer than all else.
const others = `declare module 'node:http' {
  export interface IncomingMessage { headers: Record<string, string | string[] | undefined>; url?: string }
  export interface ServerResponse { statusCode: number; end(s?: string): void }
}
declare module 'react' {
  export type ReactNode = string | ReactElement | null
  export interface ReactElement { type: unknown }
}
declare module 'vue' {
  export interface Ref<T> { value: T }
  export type DefineComponent<P> = new () => { $props: P }
}`

// typed uses all that the package gives, rightly and wrongly.
const typed = `import type { ServerResponse } from 'node:http'
import { decider, QuestionError, type Answer } from 'amana-privacy/decide'
import { gate } from 'amana-privacy/gate'
import { load } from 'amana-privacy/load'
import { granted } from 'amana-privacy/node'
import * as react from 'amana-privacy/react'
import * as vue from 'amana-privacy/vue'
import { UnsignedError, webhookKeys } from 'amana-privacy/webhook'

type Request = Parameters<ReturnType<typeof gate>>[0] & { session?: { customer: number } }
declare const req: Request, res: ServerResponse
const letters = gate<Request>({ door: '', token: '', purpose: 'newsletter', timeout: 500, subject: async r => r.session && 'customer:' + r.session.customer })
export const passed: Promise<unknown> = letters(req, res, () => 1)
// @ts-expect-error who a request is from is needed
gate({ door: '', token: '', purpose: '' })
// @ts-expect-error a purpose is one
gate({ door: '', token: '', purpose: ['a'], subject: () => '' })
// @ts-expect-error a customer's number alone says not of which kind it is
gate<Request>({ door: '', token: '', purpose: 'a', subject: r => r.session?.customer })

const { decide, allowed } = decider({ url: new URL('http://127.0.0.1:8091'), token: 'amana_x', timeout: 100 })
export const may: Promise<boolean> = allowed({ subject: 'email:sara@example.com', purpose: 'newsletter', data: ['email'], signals: { gpc: true } })
export const why = async (): Promise<string[] | undefined> => {
  const answer: Answer = await decide({ subject: 'email:sara@example.com', purpose: 'newsletter', detail: true })
  // @ts-expect-error the set of reasons is closed
  if (answer.reason === 'perhaps') return
  return answer.chain?.map(l => l.step + ' ' + l.state + ' ' + l.ar)
}
// @ts-expect-error for what it is asked
decide({ subject: 'email:sara@example.com' })
export const known = (e: unknown): boolean => e instanceof QuestionError || e instanceof UnsignedError

export const heard = async (headers: Headers, body: string): Promise<string> => {
  const m = await (await webhookKeys('whsec_')).verify(headers, body)
  // @ts-expect-error no message names a person
  if (m.data.email) return m.type
  return m.type === 'consent.withdrawn' ? m.data.purpose ?? '' : m.timestamp
}

export const switches: string[] = granted({ revisions: {} }, { cookie: 'amana=', 'sec-gpc': '1' })
export const counts: boolean = react.useConsent({ any: ['analytics', '!ads/ad_network'] })
react.Consent({ purpose: 'analytics', fallback: 'no', children: 'yes' })
// @ts-expect-error for what it asks
react.Consent({ fallback: 'no' })
export const held: boolean = vue.useConsent('analytics').value
// @ts-expect-error it is told by the visitor, not set
vue.show('yes')
export const script: Promise<unknown> = load('https://privacy.example.com', 'ar')
`

// Every part of the package has its types, by the names under which it is imported.
func TestTheTypesOfThePackage(t *testing.T) {
	const compiler = "node_modules/typescript/bin/tsc"
	_, err := os.Stat(compiler)
	need(t, "typescript", err)
	dir := t.TempDir()
	err = os.CopyFS(filepath.Join(dir, "node_modules", "amana-privacy"), os.DirFS("../sdk/js"))
	for name, text := range map[string]string{"others.d.ts": others, "program.ts": typed, "package.json": `{"type": "module"}`} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", compiler, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
		"--lib", "es2024,dom", "--skipDefaultLibCheck", filepath.Join(dir, "others.d.ts"), filepath.Join(dir, "program.ts")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What is published has no tests in it, and all that is imported.
func TestWhatThePackageHas(t *testing.T) {
	c := exec.CommandContext(t.Context(), "npm", "pack", "--dry-run", "--json", "--ignore-scripts")
	c.Dir = "../sdk/js"
	c.Env = append(os.Environ(), "npm_config_cache="+t.TempDir(), "npm_config_update_notifier=false")
	out, err := c.Output()
	need(t, "npm", err)
	var packs []struct{ Files []struct{ Path string } }
	if err := json.Unmarshal(out, &packs); err != nil || len(packs) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	has := map[string]bool{}
	for _, f := range packs[0].Files {
		has[f.Path] = true
		if strings.Contains(f.Path, "test") {
			t.Errorf("%s is published", f.Path)
		}
	}
	raw, err := os.ReadFile("../sdk/js/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Exports map[string]json.RawMessage }
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	for name, to := range p.Exports {
		var file struct{ Types, Default string }
		if json.Unmarshal(to, &file) != nil { // package.json itself
			continue
		}
		if !has[strings.TrimPrefix(file.Types, "./")] || !has[strings.TrimPrefix(file.Default, "./")] {
			t.Errorf("%s leads to what is not published: %+v", name, file)
		}
	}
}
