// granted(manifest, headers) gives the switches that count for a request, from
// the cookie and the signal alone. The manifest is what the public door serves
// at /amana.json; fetch it at the start, and again now and then.
export const granted = (manifest, headers, now = Date.now()) => {
  const get = name => (headers.get ? headers.get(name) : headers[name]) ?? ''
  const values = [...get('cookie').matchAll(/(?:^|;\s*)amana=([^;]*)/g)].map(m => m[1])
  if (values.some(v => v.endsWith('.u'))) return []
  const signal = get('sec-gpc') === '1'
  for (const value of values) {
    const m = /^1\.([\da-f]{8})\.([\da-f]+)\.([\da-z]+)\.([\w-]{22})$/.exec(value)
    if (m) return read(manifest.revisions[m[1]] ?? [], m[2], parseInt(m[3], 36), signal, now / 1000)
  }
  return []
}

const read = (bits, set, seconds, signal, now) => {
  const on = bits.filter((_, i) => parseInt(set.at(-1 - (i >> 2)) ?? '0', 16) >> (i & 3) & 1)
  const against = on.map(b => b.against)
  const said = on.filter(b => b.switch && now < seconds + (b.days ?? 0) * 86400)
  const counts = id => said.some(b => b.switch === id)
  return said.filter(b => counts(b.switch.split('/')[0]) && !(signal && b.heeds && !against.includes(b.switch.split('/')[0]))).map(b => b.switch)
}
