// The questions: the first layer, the dialog, the answer on its way to the
// server, and what has to go when a yes is taken back.
import { base, consent, d, emit, has, is, minus, part, ran, root, signal, update, w } from './gate'

const S = $C, plain = { createHTML: (s: string) => s }
const policy: typeof plain = w.trustedTypes?.createPolicy('amana', plain) ?? plain, html = (s: string) => policy.createHTML(s)
Object.assign(root, S.a).innerHTML = html(S.t)
const box = root.firstChild as HTMLDialogElement, style = new CSSStyleSheet()
style.replaceSync(S.c)
d.adoptedStyleSheets.push(style)
if (signal) box.dataset.gpc = ''

const close = () => { box.hidePopover(); box.close() }
const boxes = () => [...box.querySelectorAll('input')]
const cookie = () => d.cookie.match(/amana=([^;]*?)(\.u)?(;|$)/) ?? []
const write = (value: string) => d.cookie = 'amana=' + value + S.k

// untold marks the cookie: nothing in it counts, and the server has not heard of it yet.
const untold = () => write((cookie()[1] ?? '1.' + S.v + '.0') + '.u')

const ask = () => {
  if (cookie()[2]) answer('reject')
  else if (!is._asked && !(signal && S.z) && !box.open) {
    box.inert = true // or the first button would take the focus
    box.showPopover()
    box.inert = false
    emit('show', 'layer')
    navigator.sendBeacon(base + '/v1/shown', S.l + ' ' + S.v)
  }
}
box.onclose = ask

// answer takes an answer. A no holds at once; a yes waits for the server.
const answer = async (choice: string, purposes?: string[], origin?: string) => {
  const gone = choice == 'accept' ? [] : minus(is._now, purposes ?? [])
  const done = (list: string[]) => {
    is._asked = true
    update(list, origin)
    clear()
    close()
  }
  try {
    if (choice == 'reject') untold()
    if (choice == 'reject' || gone[0]) done(minus(is._now, gone))
    const r = await fetch(base + '/v1/choices', {
      method: 'POST', credentials: 'include', keepalive: true,
      body: new Blob([JSON.stringify({ choice, purposes, version: S.v, language: S.l, gpc: !!signal })], { type: 'application/json' }),
    }), a = await r.json()
    if (!r.ok) throw r
    d.cookie.includes(a.cookie) || write(a.cookie)
    a.consent && consent('consent', 'update', a.consent)
    done(a.granted)
    emit('receipt', a.receipts)
    return a.receipts
  } catch {
    gone[0] && untold()
    box.querySelector('output')!.value = S.e
  } finally {
    [...ran].every(has) || location.reload()
  }
}

// clear removes from this browser what belongs to a switch without a yes.
const clear = () => {
  for (const id in S.s) if (!has(id)) {
    const away = (list: (string | undefined)[], remove: (name: string) => unknown) => list.forEach(n => RegExp(`^(${S.s[id]})$`).test(n!) && remove(n!))
    away(d.cookie.split(/=[^;]*;? ?/), n => {
      for (let h = '.' + location.hostname, go = h; go; go = h, h = h.replace(/^\.[^.]*/, '')) {
        for (let p = location.pathname; p; p = p.replace(/\/$|[^/]+$/, '')) d.cookie = `${n}=;max-age=0;path=${p};domain=${h}`
      }
    })
    for (const s of [localStorage, sessionStorage]) away(Object.keys(s), n => s.removeItem(n))
    indexedDB.databases().then(l => away(l.map(b => b.name), n => indexedDB.deleteDatabase(n)))
    w.caches?.keys().then((l: string[]) => away(l, n => caches.delete(n)))
  }
}

part._act = async (what, e, more) => {
  const held = e?.closest?.('amana-box')?.nextSibling
  if (what == 'ask') ask()
  else if (what == 'hold') {
    e.insertAdjacentHTML('beforebegin', html(S.f))
    e.previousSibling.firstChild.textContent = box.querySelector(`[value="${more}"]`)?.parentElement!.textContent
  } else if (what == 'manage') {
    close()
    boxes().forEach(i => i.checked = has(i.value))
    box.showModal()
    emit('show', 'choices')
    const r = await fetch(base + S.d), l = await r.json()
    box.querySelectorAll('div').forEach((e, i) => e.innerHTML = html(l[i]))
  } else if (what == 'close') box.close()
  else if (what == 'once') held.dataset.purpose = '!', update(is._now, what)
  else return answer(what == 'always' ? 'save' : what,
    what == 'always' ? [...is._now, held.dataset.purpose] : what != 'save' ? undefined : e.map ? e : boxes().filter(i => i.checked).map(i => i.value),
    more ?? (held ? 'placeholder' : box.open ? 'dialog' : 'banner'))
}
root.isConnected && ask()
