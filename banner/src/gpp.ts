// The API of the IAB Global Privacy Platform (1.1) for tags that ask by it. The
// server has encoded every string that can be; this chooses among them.
export {}

type Members = Record<string, unknown>
interface Platform {
  m: string[][] // switches behind sale, sharing and targeted advertising
  s: Record<string, string> // by their three values and the signal: the string
  p: Record<string, [Members, Record<string, number>, number]> // by section: its fields, those that vary, its number
  i: number[] // the sections' numbers
}
const w = window as any, G = $C as unknown as Platform, queue: any[] = w.__gpp?.() ?? []
const signal = (navigator as any).globalPrivacyControl ? 1 : 0, listeners = new Map<number, (data: object, ok: boolean) => void>()
let last = 0, display = 'hidden'

// values says of each opt-out what counts now: 0 does not apply, 1 opted out, 2
// not; and of sharing and targeted advertising together.
const values = () => {
  const v = G.m.map(ids => ids[0] ? w.amana.has({ all: ids }) ? 2 : 1 : 0)
  return [...v, v[1] == 1 || v[2] == 1 ? 1 : v[1] || v[2]]
}
const section = (name: string) => {
  const s = G.p[name]
  if (!s) return null
  const now = { ...s[0] }, v = values()
  for (const field in s[1]) now[field] = v[s[1][field]]
  if ('Gpc' in now) now.Gpc = !!signal
  return now
}
const ping = () => {
  const parsedSections: Record<string, unknown> = {}, supportedAPIs = []
  for (const name in G.p) parsedSections[name] = section(name), supportedAPIs.push(G.p[name][2] + ':' + name)
  return {
    gppVersion: '1.1', cmpStatus: 'loaded', cmpDisplayStatus: display, signalStatus: 'ready', supportedAPIs, cmpId: 1,
    sectionList: G.i, applicableSections: G.i, gppString: G.s[values().slice(0, 3).join('') + signal], parsedSections,
  }
}
const event = (eventName: string, listenerId: number, data: unknown) => ({ eventName, listenerId, data, pingData: ping() })
const tell = (name: string, data: unknown) => listeners.forEach((f, id) => f(event(name, id, data), true))

const commands: Record<string, (f: any, p?: any) => unknown> = {
  ping: f => f(ping(), true),
  addEventListener: f => { listeners.set(++last, f); f(event('listenerRegistered', last, true), true) },
  removeEventListener: (f, id) => { const had = listeners.delete(id); f(event('listenerRemoved', id, had), had) },
  hasSection: (f, name) => f(!!G.p[name], true),
  getSection: (f, name) => { const s = section(name); f(s, !!s) },
  getField: (f, path) => { const [name, field] = path.split('.'), v = section(name)?.[field]; v === undefined ? f(null, false) : f(v, true) },
}
w.__gpp = (command: string, f?: any, parameter?: unknown) => commands[command] ? commands[command](f ?? (() => 0), parameter) : f?.(null, false)
queue.forEach(a => w.__gpp(...a))

w.amana.on('change', () => { for (const name in G.p) tell('sectionChange', name); tell('signalStatus', 'ready') })
const shown = (to: string) => { display = to; tell('cmpDisplayStatus', to) }
w.amana.on('show', () => shown('visible'))
w.amana.on('receipt', () => shown('hidden'))

// Frames ask by message, and find us by the name of an empty frame.
addEventListener('message', e => {
  const c = e.data?.__gppCall
  if (c) w.__gpp(c.command, (returnValue: unknown, success: boolean) => e.source!.postMessage({ __gppReturn: { returnValue, success, callId: c.callId } }, { targetOrigin: '*' }), c.parameter)
})
if (!w.frames.__gppLocator) {
  const f = document.createElement('iframe')
  f.name = '__gppLocator'
  f.hidden = true
  document.documentElement.append(f)
}
