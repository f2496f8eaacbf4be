// What the questions take from the gate, where the gate came alone before them.
export const d = document, C = $C, w = window as any
export const base = new URL(import.meta.url).origin
export const [update, ran, is, signal, root] = w.amana.$
export const has = w.amana.has, listen = w.amana.on
export const minus = (a: string[], b: string[]) => a.filter(id => !b.includes(id))
export const cookie = () => d.cookie.match(/\bamana=[^;]*/) + ''
export const emit = (name: string, detail?: unknown) => d.dispatchEvent(new CustomEvent('amana:' + name, { detail }))
export const consent = (how: string, what?: object) => what && (function () { (w.dataLayer ??= []).push(arguments) } as any)('consent', how, what)
export const start = () => root.hidden = false
