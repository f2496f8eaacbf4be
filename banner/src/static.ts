// Stands before the script that is the same for everybody: a browser that has an
// answer gets the one that the server makes for it. Names are not shortened: they are
// those that full.js comes to have, so that what both say is pressed into one.
export {}

const n = document, v = window as any, u = n.createElement('script'), A = new URL((n.currentScript as HTMLScriptElement).src).origin,
	b = function (e: string, t: string, a?: unknown) { a && (v.dataLayer ??= []).push(arguments) }
b('consent', 'default', $C.m)
u.src = A + '/amana.js?lang=' + $C.l
n.head.append(u)
