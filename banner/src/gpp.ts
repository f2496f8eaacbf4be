// The API of the IAB Global Privacy Platform (1.1) for tags that ask by it. The
// server has encoded every string that can be; this chooses among them.
export {}

interface Platform {
  m: string[][] // switches behind sale, sharing and targeted advertising
  s: Record<string, [string, object]> // by their three values and the signal: the string, and the section
}
const w = window as any, G = $C as unknown as Platform, queue: any[] = w.__gpp?.() ?? []
const signal = (navigator as any).globalPrivacyControl ? 1 : 0, listeners = new Map<number, (data: object, ok: boolean) => void>()
let last = 0, display = 'hidden'

// now gives the string and the section of what counts now: 0 does not apply, 1 opted out, 2 not.
const now = () => G.s[G.m.map(ids => ids[0] ? w.amana.has({ all: ids }) ? 2 : 1 : 0).join('') + signal]
const ping = () => ({
  gppVersion: '1.1', cmpStatus: 'loaded', cmpDisplayStatus: display, signalStatus: 'ready', supportedAPIs: ['7:usnat'], cmpId: 1,
  sectionList: [7], applicableSections: [7], gppString: now()[0], parsedSections: { usnat: now()[1] },
})
const event = (eventName: string, listenerId: number, data: unknown) => ({ eventName, listenerId, data, pingData: ping() })
const tell = (name: string, data: unknown) => listeners.forEach((f, id) => f(event(name, id, data), true))

const commands: Record<string, (f: any, p?: any) => unknown> = {
  ping: f => f(ping(), true),
  addEventListener: f => { listeners.set(++last, f); f(event('listenerRegistered', last, true), true) },
  removeEventListener: (f, id) => { const had = listeners.delete(id); f(event('listenerRemoved', id, had), had) },
  hasSection: (f, name) => f(name == 'usnat', true),
  getSection: (f, name) => name == 'usnat' ? f(now()[1], true) : f(null, false),
  getField: (f, path) => { const [section, field] = path.split('.'), v = section == 'usnat' ? (now()[1] as any)[field] : undefined; v === undefined ? f(null, false) : f(v, true) },
}
w.__gpp = (command: string, f?: any, parameter?: unknown) => commands[command] ? commands[command](f ?? (() => 0), parameter) : f?.(null, false)
queue.forEach(a => w.__gpp(...a))

w.amana.on('change', () => { tell('sectionChange', 'usnat'); tell('signalStatus', 'ready') })
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
