// gate({door, token, purpose, subject}) makes a handler (req, res, next) that
// lets through only the requests of customers whose data may be used for a
// purpose: for Express as it is, for plain http with a function as next.
//
// Whatever a client sent under x-amana-* is taken away; what the next handler
// finds in x-amana-subject, the gate put there. Nobody's request, a no, an error
// and an answer that is late do not reach it.
export const gate = ({ door, token, purpose, data, recipient, subject, timeout = 1000, refused, unsure, fetch = globalThis.fetch }) => {
  const address = door.replace(/\/+$/, '') + '/v1/decide'
  const ask = async (who, gpc) => {
    const answer = await fetch(address, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ subject: who, purpose, data, recipient, signals: { gpc } }),
    })
    if (answer.status !== 200) throw new Error(`the company door answers ${answer.status}`)
    const { allowed, reason } = await answer.json()
    if (typeof allowed !== 'boolean' || reason === 'stale') throw new Error('the company door cannot tell')
    return allowed
  }
  return async (req, res, next) => {
    strip(req)
    let allowed = false
    let who
    try {
      who = await subject(req)
      allowed = Boolean(who) && await ask(who, gpcOf(req))
    } catch {
      res.setHeader('retry-after', '1')
      return end(req, res, unsure, 503)
    }
    if (!allowed) return end(req, res, refused, 403)
    req.headers['x-amana-subject'] = who
    if (req.headersDistinct) req.headersDistinct['x-amana-subject'] = [who]
    req.rawHeaders.push('X-Amana-Subject', who)
    return next()
  }
}

// ours says whether a header is one that the gate alone may set, also under
// names that some servers take for the same.
const ours = name => name.toLowerCase().replaceAll('_', '-').startsWith('x-amana-')

// headersDistinct is made of rawHeaders when it is first read, so it comes first.
const strip = req => {
  for (const name of Object.keys(req.headersDistinct ?? {})) if (ours(name)) delete req.headersDistinct[name]
  for (const name of Object.keys(req.headers)) if (ours(name)) delete req.headers[name]
  for (let i = req.rawHeaders.length - 2; i >= 0; i -= 2) if (ours(req.rawHeaders[i])) req.rawHeaders.splice(i, 2)
}

const gpcOf = req => String(req.headers['sec-gpc'] ?? '').split(',').some(v => v.trim() === '1')

const end = (req, res, handler, status) => {
  res.setHeader('cache-control', 'no-store')
  if (handler) return handler(req, res)
  res.statusCode = status
  res.setHeader('content-type', 'text/plain; charset=utf-8')
  res.end(status === 403 ? 'Forbidden\n' : 'Service Unavailable\n')
}
