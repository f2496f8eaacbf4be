// The questions: the first layer, the dialog, the answer on its way to the
// server, and what has to go when a yes is taken back.
import { base, C, consent, cookie, d, emit, has, is, minus, ran, root, signal, start, update, w } from './gate'

const plain = { createHTML: (s: string) => s }, policy: typeof plain = w.trustedTypes?.createPolicy('amana', plain) ?? plain
const html = (s: string) => policy.createHTML(s)
root.innerHTML = html(C.t)
const box = root.firstChild as HTMLDialogElement, style = new CSSStyleSheet()
style.replaceSync(C.c.replace(/[^}](?=[;}])/g, '$&!important'))
d.adoptedStyleSheets.push(style)
if (signal) box.dataset.gpc = ''

const close = () => { box.hidePopover(); box.close() }
const write = (value: string) => d.cookie = 'amana=' + value + C.k

// untold marks the cookie: nothing in it counts, and the server has not heard of it yet.
const untold = () => write((cookie().slice(6) || '1.' + C.v + '.0').replace(/(\.u)?$/, '.u'))

const ask = () => {
  if (cookie().endsWith('.u')) answer('reject')
  else if (!is._asked && !(signal && C.z) && !box.open) {
    box.inert = true // or the first button would take the focus
    box.showPopover()
    box.inert = false
    emit('show', 'layer')
    navigator.sendBeacon(base + '/v1/shown', C.l + ' ' + C.v)
  }
}
box.onclose = ask

// answer takes an answer. A no holds at once; a yes waits for the server.
const answer = async (choice: string, purposes?: string[], origin?: string) => {
  const gone = choice == 'accept' ? [] : minus(is._now, purposes ?? [])
  const done = async (list: string[]) => {
    is._asked = true
    update(list, origin)
    close()
    // What belongs to a switch without a yes goes from this browser. One that keeps
    // its stores from us has nothing in them.
    for (const id in C.s) if (!has(id)) {
      const away = (list: (string | undefined)[], remove: (name: string) => unknown) => list.forEach(n => RegExp(`^(${C.s[id]})$`).test(n!) && remove(n!))
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
  is._was = ''
  try {
    if (choice == 'reject') untold()
    if (choice == 'reject' || gone[0]) done(minus(is._now, gone))
    const r = await fetch(base + '/v1/choices', {
      method: 'POST', credentials: 'include', keepalive: true,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ choice, purposes, version: C.v, language: C.l, gpc: !!signal }),
    }), a = await r.json()
    if (!r.ok) throw r
    d.cookie.includes(a.cookie) || write(a.cookie)
    a.consent && consent('consent', 'update', a.consent)
    done(a.granted)
    emit('receipt', a.receipts)
    return a.receipts
  } catch {
    gone[0] && untold()
    box.querySelector('output')!.value = C.e
  } finally {
    is._was = cookie();
    [...ran].every(has) || location.reload()
  }
}

export const act = async (what?: string, e?: any, more?: any) => {
  const waits = e?.closest?.('amana-box'), held = waits?.nextSibling
  if (what == 'ask') ask()
  else if (what == 'back') d.querySelector('amana-way') || d.body.insertAdjacentHTML('beforeend', html(C.w))
  else if (what == 'hold') {
    e.dataset.purpose = more
    e.insertAdjacentHTML('beforebegin', html(C.f))
    const held = e.previousSibling
    w.amana.on('change', () => has(more) && held.remove()) // before the tag is let in: what is not shown, not every browser loads
    held.firstChild.textContent = box.querySelector(`[value="${more}"]`)?.parentElement!.textContent
  } else if (what == 'once') waits.remove(), held.dataset.purpose = '!', update(is._now, what)
  else if (what == 'close') box.close()
  else if (what == 'always') answer('save', [...is._now, held.dataset.purpose], 'placeholder')
  // accept, reject, save
  else if (/t$|av/.test(what!)) return answer(what!,
    what != 'save' ? undefined : e.map ? e : [...box.querySelectorAll<HTMLInputElement>(':checked')].map(i => i.value),
    more ?? (box.open ? 'dialog' : 'banner'))
  else {
    close()
    box.querySelectorAll('input').forEach(i => i.checked = has(i.value))
    box.showModal()
    box.focus() // not its first control: the key that opens it at a link is still to be pressed, and would take everything back
    emit('show', 'choices')
    const r = await fetch(base + C.d), l = await r.json()
    box.querySelectorAll('div').forEach((e, i) => e.innerHTML = html(l[i]))
  }
}
start()
