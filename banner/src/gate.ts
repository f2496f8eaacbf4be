// The gate: what was answered, and what may run. It is everything for a visitor
// who has answered; the questions come only when they are shown.
//
// The server reads the cookie and says what counts ($C.g). It counts only in a
// browser that has the very cookie, so that a copy kept anywhere grants nothing.
import { act, ask, back, close, hold } from './ui'

export const d: any = document, w = window as any, root: HTMLElement = d.createElement('section') // or its footers were the page's
export const base: string = ALONE ? d.currentScript.src : new URL(d.currentScript.src).origin
export const signal = (navigator as any).globalPrivacyControl || $C.p

export const minus = (a: string[], b: string[]) => a.filter(id => !b.includes(id))

// cookie gives ours as it stands, "null" where there is none.
export const cookie = () => d.cookie.match('amana=1[^;]*') + ''

export const mine = cookie().match($C.b)
export const is = { _asked: (ALONE ? mine : mine && !$C.q) as unknown, _now: [] as string[], _was: cookie() }

// has says whether what is asked for counts. A recipient's switch counts only
// with its purpose's: the server has seen to that.
export const has = (q: any): boolean => q.at ? is._now.includes(q) || q[0] == '!' && !has(q.slice(1))
  : (q.all ?? []).every(has) && !q.not?.some(has) && (q.any?.some(has) ?? true)

export const emit = (name: string, detail?: unknown) => d.dispatchEvent(new CustomEvent('amana:' + name, { detail }))

// consent tells Google Consent Mode, whose queue wants an arguments object.
// One with nothing to say is not told.
export const consent = function (_: 'consent', how: string, what?: object) { what && (w.dataLayer ??= []).push(arguments) }

// What has run and cannot be un-run, and the scripts that wait, one after the other.
export const ran = new Set<Question>()
export const again = () => [...ran].every(has) || location.reload()
let queue: unknown

// scan sees to every tag that waits, and, once the state is longer than "loading",
// to the way back where the page has none.
// Before that it looks whether another tab, or another of our sites, has answered
// since, also while this page lay in the browser's memory: what ran has to stop,
// and nothing is asked any more.
export const scan = (_?: unknown) => {
  if (is._was && cookie() != is._was) {
    is._was = ''
    if (!ALONE && !is._asked) close(), is._asked = 1
    update([])
    again()
  }
  [...d.querySelectorAll('[data-purpose],[type="text/plain"],iframe[data-name][data-src]')].map(e => {
    const s = e.dataset, q = s.purpose || s.category || s.name + ''
    if (!has(q)) return e._seen ||= e.matches('iframe,video,audio,embed,object,img:not([width="1"])') && (ALONE ? act('hold', e, q) : hold(e, q))
    q[0] == '!' || ran.add(q)
    if (e.content) d.readyState[7] && e.replaceWith(e.content) // before, its end may be still to come
    else if (e.type == 'text/plain') e._seen ||= queue = (async before => {
      await before
      if (!has(q)) return
      e.type = s.type ?? ''
      if (s.src) e.src = s.src
      e.replaceWith(e)
      // One that never comes, or that this browser does not run, holds up the rest for a while only.
      if (e.src) await new Promise(done => e.addEventListener('load', done) || e.addEventListener('error', done) || setTimeout(done, 9e3))
    })(queue)
    else for (const k in s) k.match('src|href|poster|data') && (e[k] ||= s[k])
  })
  if (d.readyState[7] && !d.querySelector('[data-amana],[href$="#privacy-choices"]')) ALONE ? act('back') : back()
}

// update makes a list of switches count.
export const update = (list: string[], origin?: string) => {
  const removed = minus(is._now, list), added = minus(list, is._now)
  is._now = list
  root.dataset.amanaState = is._asked ? 'set' : signal ? 'gpc' : 'ask'
  if (removed[0]) consent('consent', 'update', $C.m) // until the server says what still counts
  if (added[0] || removed[0]) emit('change', { added, removed, origin })
  scan()
}

export const listen = (name: string, f: (detail: any) => void) => {
  const heard = (e: any) => f(e.detail)
  d.addEventListener('amana:' + name, heard)
  if (name == 'ready') f(is._now)
  return () => d.removeEventListener('amana:' + name, heard)
}

w.amana = {
  has, on: listen, get: (_: unknown) => is._now,
  when: (q: Question) => new Promise<void>(done => (listen('change', () => has(q) && done()), has(q) && done())),
  set: (list: string[]) => act('save', list, 'api'),
  accept: (_: unknown) => act('accept', _, 'api'),
  reject: (_: unknown) => act('reject', _, 'api'),
  show: ALONE ? act : (_: any) => act(_),
  ...(ALONE ? { $: [update, ran, is, signal, root] } : {}),
}

// The questions bring their own ear for their own buttons, where the gate came alone.
const click = (e: any) => {
  const b = e.target.closest(ALONE ? '[data-amana],[href$="#privacy-choices"]' : '[data-amana-action],[data-amana],[href$="#privacy-choices"]')
  if (b) e.preventDefault(), act(ALONE ? b.dataset.amana : b.dataset.amanaAction ?? b.dataset.amana, b)
}
const hash = () => location.hash == '#privacy-choices' && act()

// The tags are inert as they are; this sees to those that may run, and to those
// that come later. A page that is written anew has lost our listeners, too.
let waiting: unknown
export const look = () => {
  if (!root.isConnected && d.body) {
    d.body.prepend(root)
    d.addEventListener('click', click)
    d.addEventListener('visibilitychange', scan)
    addEventListener('hashchange', hash)
    is._asked || (ALONE ? act('ask') : ask())
    hash()
  }
  waiting ||= setTimeout(() => scan(waiting = 0))
}
