// The gate: what was answered, and what may run. It is everything for a visitor
// who has answered; the questions come only when they are shown.
//
// The server reads the cookie and says what counts (C.g). It counts only in a
// browser that has the very cookie, so that a copy kept anywhere grants nothing.

export const d = document, C = $C, w = window as any, root = d.createElement('section')
export const base = new URL((d.currentScript as HTMLScriptElement).src).origin
export const signal = (navigator as any).globalPrivacyControl || C.p

export const minus = (a: string[], b: string[]) => a.filter(id => !b.includes(id))
const mine = d.cookie.includes('amana=1.' + C.b)
export const is = { _asked: mine && !C.q, _now: [] as string[] }

// has says whether what is asked for counts. A recipient's switch counts only
// with its purpose's: the server has seen to that.
export const has = (q: any): boolean => q.at ? q[0] == '!' ? !has(q.slice(1)) : is._now.includes(q)
  : (q.all ?? []).every(has) && !q.not?.some(has) && (q.any?.some(has) ?? true)

export const emit = (name: string, detail?: unknown) => d.dispatchEvent(new CustomEvent('amana:' + name, { detail }))

// consent tells Google Consent Mode, whose queue wants an arguments object.
export function consent(..._: unknown[]) { (w.dataLayer ??= []).push(arguments) }

// What has run and cannot be un-run, and the scripts that wait, one after the other.
export const ran = new Set<Question>()
let queue: unknown

const run = async (e: any, before: unknown) => {
  await before
  e.type = e.dataset.type ?? ''
  e.async = e.hasAttribute('async')
  if (e.dataset.src) e.src = e.dataset.src
  e.replaceWith(e)
  if (e.src) await new Promise(done => e.onload = e.onerror = done)
}

const scan = () => d.querySelectorAll<any>('[data-purpose],script[data-category],script[data-name],iframe[data-name][data-src]').forEach(e => {
  const s = e.dataset, q = s.purpose ?? s.category ?? s.name, box = e.previousSibling, held = box?.localName == 'amana-box'
  if (e.type == 'wait') return
  if (!has(q)) return held || e.matches('iframe,video,audio,embed,object,img:not([width="1"])') && need('hold', e, q)
  if (q[0] != '!') ran.add(q)
  if (held) box.remove()
  if (e.content) e.replaceWith(d.importNode(e.content, true))
  else if (e.type == 'text/plain') e.type = 'wait', queue = run(e, queue)
  else for (const k in s) /^(src|href|poster|data)/.test(k) && (e.getAttribute(k) || e.setAttribute(k, s[k]))
})

// update makes a list of switches count.
export const update = (list: string[], origin?: string) => {
  const before = is._now, removed = minus(before, list), added = minus(list, before)
  is._now = list
  root.dataset.amanaState = is._asked ? 'set' : signal ? 'gpc' : 'ask'
  if (added[0] || removed[0]) emit('change', { added, removed, origin })
  scan()
}

// need asks something of the questions, which may not be here yet.
export const part: { _act?: (what: string, e?: any, more?: any) => unknown } = {}
const need = async (what: string, e?: any, more?: any) => {
  if (ALONE) part._act || await import(base + C.u)
  return part._act?.(what, e, more)
}

const listen = (name: string, f: (detail: any) => void) => {
  const heard = (e: any) => f(e.detail)
  d.addEventListener('amana:' + name, heard)
  if (name == 'ready') f(is._now)
  return () => d.removeEventListener('amana:' + name, heard)
}

w.amana = {
  has, on: listen, get: () => is._now,
  when: (q: Question) => new Promise<void>(done => {
    const look = () => has(q) && done()
    listen('change', look)
    look()
  }),
  set: (list: string[]) => need('save', list, 'api'),
  accept: () => need('accept', 0, 'api'),
  reject: () => need('reject', 0, 'api'),
  show: () => need('manage'),
  $: ALONE ? [update, ran, is, part, signal] : 0,
}

root.id = 'amana'
if (ALONE) root.hidden = true
C.m?.map(o => consent('consent', ...o))
update(mine ? minus(C.g ?? [], signal && C.h || []) : [], 'load')
emit('ready', is._now)

d.addEventListener('click', e => {
  const b = (e.target as Element).closest<HTMLElement>('[data-amana],[data-amana-action],[href$="#privacy-choices"]')
  if (b) e.preventDefault(), need(b.dataset.amanaAction ?? (b.dataset.amana == 'reject' ? 'reject' : 'manage'), b)
})
const hash = () => location.hash == '#privacy-choices' && need('manage')
addEventListener('hashchange', hash)

// The tags are inert as they are; this sees to those that may run, and to those
// that come later.
let waiting = 0
const look = () => {
  if (d.body && !root.isConnected) {
    d.body.prepend(root)
    part._act?.('ask')
    hash()
  }
  waiting ||= setTimeout(() => { waiting = 0; scan() })
}
new MutationObserver(look).observe(d, { childList: true, subtree: true })
look()
