// The questions: the first layer, the dialog, the answer on its way to the
// server, and what has to go when a yes is taken back.
import { again, base, consent, cookie, d, emit, has, is, listen, minus, ran, root, signal, update, w } from './gate'

const plain = { createHTML: (s: string) => s }, policy: typeof plain = w.trustedTypes?.createPolicy('amana', plain) ?? plain
root.innerHTML = policy.createHTML($C.t)
const [box, waits, way] = root.children as any, style = new CSSStyleSheet()
root.replaceChildren(box)
style.replaceSync($C.c.replace(/[^}](?=[;}])/g, '$&!important'))
d.adoptedStyleSheets.push(style)
if (signal) box.dataset.gpc = ''

export const close = () => { box.hidePopover(); box.close() }
// write takes the cookie of the page's host away first: it would hide the one that
// the sites share.
const write = (value: string) => (d.cookie = 'amana=;max-age=0;path=/', d.cookie = 'amana=' + value + $C.k)

// untold marks the cookie: nothing in it counts, and the server has not heard of it yet.
const untold = () => cookie().endsWith('.u') || write((cookie().slice(6) || '1.' + $C.v + '.0') + '.u')

// ask shows the layer, in a page that somebody looks at: one that is prepared
// beforehand (prerender), or lies behind others, waits for its reader.
export const ask = () => {
  if (is._asked) return
  if (d.hidden) d.addEventListener('visibilitychange', ask, { once: 1 })
  else if (cookie().endsWith('.u')) answer('reject', [])
  else if (!($C.z! > +!signal || box.open)) {
    box.inert = 1 // or the first button would take the focus
    box.showPopover()
    box.inert = 0
    emit('show', 'layer')
    navigator.sendBeacon(base + '/v1/shown', $C.l + ' ' + $C.v)
  }
}
box.onclose = ask

// answer takes an answer. A no holds at once; a yes waits for the server.
const answer = async (choice: string, purposes: string[], origin?: string) => {
  const gone = choice == 'accept' ? [] : minus(is._now, purposes), says = box.querySelector('output')
  const done = async (list: string[]) => {
    is._asked = 1
    says.value = ''
    update(list, origin)
    close()
    // What belongs to a switch without a yes goes from this browser. One that keeps
    // its stores from us has nothing in them.
    let names = 'a^'
    for (const id in $C.s) has(id) || (names += $C.s[id])
    const away = async (list: any, remove: (name: string) => unknown) => (await list)?.map((n: any) => (n = n.name ?? n).match(`^(${names})$`) && remove(n))
    away(d.cookie.split(/=[^;]*;? ?/), n => location.hostname.replace(/^|\.|$/g, (_, i, host) => location.pathname.replace(/(?=\/)|(?<=\/)|$/g, (_, j, path) =>
      d.cookie = `${n}=;max-age=0;path=${path.slice(0, j)};domain=${host.slice(i)}`)))
    for (const s of [localStorage, sessionStorage]) away(Object.keys(s), n => delete s[n])
    away(indexedDB.databases(), n => indexedDB.deleteDatabase(n))
    away(w.caches?.keys(), n => caches.delete(n))
  }
  is._was = ''
  try {
    if (choice == 'reject' ? untold() : gone[0]) done(minus(is._now, gone))
    const r = await fetch(base + '/v1/choices', {
      method: 'POST', credentials: 'include', keepalive: 1 as any,
      body: JSON.stringify({ choice, purposes, version: $C.v, language: $C.l, gpc: !!signal }),
    }), a = await r.json()
    if (!r.ok) throw a.to && (location = a.to)
    cookie().endsWith(a.cookie) || write(a.cookie)
    consent('consent', 'update', a.consent)
    done(a.granted)
    emit('receipt', a.receipts)
    return a.receipts
  } catch {
    gone[0] && untold()
    says.value = $C.e
  } finally {
    is._was = cookie()
    again()
  }
}

export const back = () => d.body.append(way)

export const hold = async (e: any, purpose: string) => {
  const instead = waits.cloneNode(1)
  e.dataset.purpose = purpose
  purpose[0] == '!' || e.before(instead) // else it is for those without a yes
  listen('change', () => has(purpose) && instead.remove()) // before the tag is let in: what is not shown, not every browser loads
  instead.firstChild.textContent = box.querySelector(`[value="${purpose}"]`)?.parentNode.textContent
}

export const act = async (what?: string, e?: any, origin?: string) => {
  const waiting = e?.closest?.('amana-box'), held = waiting?.nextSibling, purpose = held?.dataset.purpose
  if (/t$|av/.test(what!)) return answer(what!, // accept, reject, save
    what != 'save' ? [] : e.map ? e : [...box.querySelectorAll(':checked')].map((i: any) => i.value),
    origin ?? (box.open ? 'dialog' : 'banner'))
  if (what == 'once') waiting.remove(), ran.add(purpose), held.dataset.purpose = '!', update(is._now, what)
  else if (what == 'close') close()
  // A recipient's yes counts only with its purpose's, and one against a signal only where that is told: so these are answered in the dialog.
  else if (what == 'always' && !(signal || /\//.test(purpose))) answer('save', [...is._now, purpose], 'placeholder')
  else {
    close()
    ;[...box.querySelectorAll('input')].map(i => i.checked = has(i.value))
    box.showModal()
    box.focus() // not its first control: the key that opens it at a link is still to be pressed, and would take everything back
    emit('show', 'choices')
    ;(await (await fetch(base + $C.d)).json()).map((t: string, i: number) => box.querySelectorAll('div')[i].innerHTML = policy.createHTML(t))
  }
}
