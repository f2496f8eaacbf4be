import assert from 'node:assert/strict'
import http from 'node:http'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { gate } from './gate.js'

const servers = []
const serve = async handler => {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return `http://127.0.0.1:${server.address().port}`
}
after(() => servers.forEach(s => { s.closeAllConnections(); s.close() }))

// The company door: what it was asked, and what it answers.
let door, asked, status, answer
before(async () => {
  door = await serve(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    asked = { path: req.method + ' ' + req.url, token: req.headers.authorization, body: JSON.parse(body) }
    if (answer === undefined) return // never
    res.writeHead(status, { location: '/elsewhere' }).end(answer)
  })
})
const says = (s, a) => { status = s; answer = typeof a === 'object' ? JSON.stringify(a) : a }

// The program behind the gate says whom it was called for.
const behind = (req, res) => res.end(JSON.stringify({
  who: req.headers['x-amana-subject'],
  ours: Object.keys(req.headers).filter(h => /amana/i.test(h)),
  raw: req.rawHeaders.filter((h, i) => i % 2 === 0 && /amana/i.test(h)),
  distinct: req.headersDistinct['x-amana-subject'],
}))

// As express calls its middleware: one after the other, next(err) ends it.
const express = (...list) => (req, res) => {
  const step = i => err => err ? res.writeHead(500).end() : list[i](req, res, step(i + 1))
  return step(0)()
}

const session = req => /(?:^|; )session=(\d+)/.exec(req.headers.cookie ?? '')?.[1]
const options = more => ({ door: door + '/', token: 'amana_x', purpose: 'newsletter', subject: req => session(req) && 'customer:' + session(req), timeout: 60_000, ...more })

const get = (url, headers) => new Promise((done, failed) => {
  const req = http.get(url, { headers, agent: false }, async res => {
    let body = ''
    for await (const chunk of res) body += chunk
    done({ status: res.statusCode, headers: res.headers, body })
  })
  req.on('error', failed)
})

for (const [name, wrap] of Object.entries({
  'plain http': g => (req, res) => g(req, res, () => behind(req, res)),
  'express': g => express(g, behind),
})) {
  test(`${name}: what a client sent is overwritten`, async () => {
    says(200, { allowed: true, reason: 'given' })
    const site = await serve(wrap(gate(options({ data: ['email'], recipient: 'mailer' }))))
    const got = await get(site, { cookie: 'session=7', 'sec-gpc': '1', 'X-Amana-Subject': ['customer:1', 'customer:2'], 'x_amana_subject': 'customer:3', 'X-AMANA-Reason': 'given' })
    assert.equal(got.status, 200)
    assert.deepEqual(JSON.parse(got.body), { who: 'customer:7', ours: ['x-amana-subject'], raw: ['X-Amana-Subject'], distinct: ['customer:7'] })
    assert.deepEqual(asked, { path: 'POST /v1/decide', token: 'Bearer amana_x', body: { subject: 'customer:7', purpose: 'newsletter', data: ['email'], recipient: 'mailer', signals: { gpc: true } } })
  })

  test(`${name}: shut unless the answer is yes`, async () => {
    const site = await serve(wrap(gate(options()))), hurried = await serve(wrap(gate(options({ timeout: 200 }))))
    for (const [s, a, want] of [
      [200, { allowed: true, reason: 'given' }, 200], [200, { allowed: false, reason: 'withdrawn' }, 403], [200, { allowed: true, reason: 'stale' }, 503],
      [200, { allowed: 'true' }, 503], [200, {}, 503], [200, 'null', 503], [200, '', 503], [401, { allowed: true }, 503], [302, { allowed: true }, 503], [500, '', 503], [200, undefined, 503],
    ]) {
      says(s, a)
      const got = await get(a === undefined ? hurried : site, { cookie: 'session=7' })
      assert.equal(got.status, want, `${s} ${JSON.stringify(a)}`)
      if (want !== 200) assert.doesNotMatch(got.body, /customer/)
    }
    says(200, { allowed: true, reason: 'given' })
    assert.equal((await get(site, { 'X-Amana-Subject': 'customer:1' })).status, 403, 'a client that says by itself who it is')
  })
}

test('nobody is there, or who it is cannot be found out', async () => {
  for (const more of [{ door: 'http://127.0.0.1:1' }, { subject: () => { throw new Error('no session store') } }, { subject: async () => { throw new Error('no') } }]) {
    const site = await serve((req, res) => gate(options(more))(req, res, () => behind(req, res)))
    assert.equal((await get(site, { cookie: 'session=7' })).status, 503)
  }
})

test('pages of one\'s own for no and for not knowing', async () => {
  const page = code => (req, res) => { res.statusCode = code; res.end('mine') }
  const site = await serve((req, res) => gate(options({ refused: page(410), unsure: page(502) }))(req, res, () => behind(req, res)))
  says(200, { allowed: false, reason: 'refused' })
  assert.equal((await get(site, { cookie: 'session=7' })).status, 410)
  says(500, '')
  assert.equal((await get(site, { cookie: 'session=7' })).status, 502)
})
