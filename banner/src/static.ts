// Stands before the script that is the same for everybody: a browser that has an
// answer gets the one that the server makes for it.
export {}

const d = document, s = d.createElement('script')
function consent(..._: unknown[]) { ((window as any).dataLayer ??= []).push(arguments) }
if ($C.m) consent('consent', 'default', $C.m)
s.src = new URL('/amana.js?lang=' + $C.l, (d.currentScript as HTMLScriptElement).src).href
d.head.append(s)
