package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The gate for Node has tests of its own, in Node.
func TestTheGateForNode(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "node", "--test", "../sdk/js/gate.test.js").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What Node's own types say of a request and an answer, as far as it matters here.
const nodeHTTP = `declare module 'node:http' {
  export interface IncomingMessage { headers: Record<string, string | string[] | undefined>; url?: string }
  export interface ServerResponse { statusCode: number; end(s?: string): void }
}`

const typedGate = `/// <reference path="./node.d.ts" />
import type { ServerResponse } from 'node:http'
import { gate } from './gate.js'
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
`

func TestTheTypesOfTheGate(t *testing.T) {
	dir := t.TempDir()
	types, err := os.ReadFile("../sdk/js/gate.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"node.d.ts": nodeHTTP, "gate.d.ts": string(types), "program.ts": typedGate} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = os.Stat("node_modules/typescript/bin/tsc")
	need(t, "typescript", err)
	out, err := exec.CommandContext(t.Context(), "node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "es2022",
		"--moduleResolution", "bundler", "--lib", "es2024,dom", filepath.Join(dir, "program.ts")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
