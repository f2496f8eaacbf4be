// Against a real server: see TestTheJavaScriptClient.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import test from 'node:test'
import { decider, QuestionError } from 'amana-privacy/decide'

const { AMANA_URL: url, AMANA_TOKEN: token } = process.env
const timeout = 60_000 // here is more to do at once than asking
const given = { subject: 'phone:+12075550134', purpose: 'text_updates' }

test('asks, and knows a yes from a no', async () => {
  const { decide, allowed } = decider({ url, token, timeout })
  const yes = await decide(given)
  assert.equal(yes.allowed, true)
  assert.equal(yes.reason, 'given')
  assert.match(yes.policy, /^sha256:[0-9a-f]{64}$/)
  assert.equal(await allowed(given), true)
  assert.equal(await allowed({ ...given, purpose: 'nothing' }), false)
})

test('questions of one turn go together, and in their order', async () => {
  let requests = 0
  const { decide } = decider({ url, token, timeout, fetch: (...args) => (requests++, fetch(...args)) })
  const purposes = Array.from({ length: 2500 }, (_, i) => (i % 3 ? 'nothing' : 'text_updates'))
  const answers = await Promise.all(purposes.map(purpose => decide({ ...given, purpose })))
  assert.deepEqual(answers.map(a => a.reason), purposes.map(p => (p === 'nothing' ? 'unknown_purpose' : 'given')))
  assert.equal(requests, 3)
})

test('one that cannot be asked does not harm its neighbours', async () => {
  const { decide } = decider({ url, token, timeout })
  const [a, b, c] = await Promise.allSettled([decide(given), decide({ ...given, subject: 'nonsense' }), decide(given)])
  assert.equal(a.value.allowed && c.value.allowed, true)
  assert.ok(b.reason instanceof QuestionError)
})

test('where nobody answers it is no', async () => {
  for (const options of [{ url: 'http://127.0.0.1:1' }, { url, token: 'amana_x' }, { url: `${url}/elsewhere`, token }]) {
    const answer = await decider(options).decide(given)
    assert.deepEqual([answer.allowed, answer.reason], [false, 'stale'])
    assert.ok(answer.error)
  }
  const never = () => new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 50))
  assert.equal((await decider({ url, token, timeout: 10, fetch: never }).decide(given)).reason, 'stale')
})

test('what is no answer is no yes, whoever stands between', async () => {
  for (const body of [null, {}, [], [null], ['yes'], [{ allowed: 'true', reason: 'given' }], [{ allowed: 1 }], { length: 1, 0: { allowed: true, reason: 'given' } }]) {
    for (const status of [200, 422, 500]) {
      const fetch = async () => ({ ok: status === 200, status, json: async () => body })
      const answer = await decider({ url, fetch }).decide(given)
      assert.deepEqual([answer.allowed, answer.reason], [false, 'stale'], JSON.stringify(body))
      assert.ok(answer.error)
    }
  }
})

test('nobody is asked elsewhere', async () => {
  const other = createServer((q, r) => {
    if (q.url === '/yes') return r.end('[{"allowed":true,"reason":"given","policy":""}]')
    r.writeHead(307, { Location: '/yes' }).end()
  }).listen(0, '127.0.0.1')
  await new Promise(done => other.once('listening', done))
  try {
    const answer = await decider({ url: `http://127.0.0.1:${other.address().port}`, token, timeout }).decide(given)
    assert.equal(answer.reason, 'stale')
  } finally {
    other.closeAllConnections()
    other.close()
  }
})
