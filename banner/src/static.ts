// Stands before the script that is the same for everybody: a browser that has an
// answer gets the one that the server makes for it. Names are not shortened: they are
// those that full.js comes to have, so that what both say is pressed into one.
export {}

const n = document, f = window as any, u = n.createElement('script') as any, A = new URL((n.currentScript as HTMLScriptElement).src).origin,
	x = function (e: string, t: string, a?: unknown) { a && (f.dataLayer ??= []).push(arguments) },
	B = { createScriptURL: (e: string) => e }, z = f.trustedTypes?.createPolicy('amana=1', B) ?? B // amana is what the script itself makes; the name is short where it is pressed
u.src = z.createScriptURL(A + '/amana.js?lang=' + $C.l)
x('consent', 'default', $C.m)
n.head.append(u)
