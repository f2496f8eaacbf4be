// What the questions take from the gate, where the gate came alone before them.
export const w = window as any, d: any = document
export const base = new URL(import.meta.url).origin
export const [update, ran, is, signal, root] = w.amana.$
export const has = w.amana.has, listen = w.amana.on
export const minus = (a: string[], b: string[]) => a.filter(id => !b.includes(id))
export const cookie = () => d.cookie.match('amana=1[^;]*') + ''
export const emit = (name: string, detail?: unknown) => d.dispatchEvent(new CustomEvent('amana:' + name, { detail }))
export const consent = function (_: 'consent', how: string, what?: object) { what && (w.dataLayer ??= []).push(arguments) }
export const again = () => [...ran].every(has) || location.reload()
