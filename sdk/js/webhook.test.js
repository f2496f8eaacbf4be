// node --test sdk/js/webhook.test.js
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { UnsignedError, webhookKeys } from './webhook.js'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const other = 'whsec_' + Buffer.alloc(32, 7).toString('base64')
const now = 1614265330000
const vector = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' }
const body = '{"test": 2432232314}'

const sign = (key, id, at, text) => 'v1,' + createHmac('sha256', Buffer.from(key.slice(6), 'base64')).update(`${id}.${at}.${text}`).digest('base64')

test('the vector of the specification', async () => {
  const keys = await webhookKeys(secret)
  assert.deepEqual(await keys.verify(vector, body, now), { test: 2432232314 })
  assert.deepEqual(await keys.verify(new Headers(vector), Buffer.from(body), now), { test: 2432232314 })
})

test('either secret while it is rotated, on either side', async () => {
  const both = { ...vector, 'webhook-signature': sign(other, vector['webhook-id'], 1614265330, body) + ' v1a,AAAA ' + vector['webhook-signature'] }
  for (const keys of [await webhookKeys(secret), await webhookKeys(other), await webhookKeys(other, secret)]) assert.ok(await keys.verify(both, body, now))
})

test('everything else is refused', async () => {
  const keys = await webhookKeys(secret)
  const changed = (h) => ({ ...vector, ...h })
  const text = 'سارة'
  assert.equal(await keys.verify(changed({ 'webhook-signature': sign(secret, vector['webhook-id'], 1614265330, `"${text}"`) }), `"${text}"`, now), text)
  for (const [headers, b, at] of [
    [vector, body + ' ', now], [vector, body, now + 301_000], [vector, body, now - 301_000],
    [changed({ 'webhook-id': 'msg_2' }), body, now], [changed({ 'webhook-id': undefined }), body, now],
    [changed({ 'webhook-timestamp': '1614265331' }), body, now], [changed({ 'webhook-timestamp': 'x' }), body, now], [changed({ 'webhook-timestamp': '' }), body, now],
    [changed({ 'webhook-signature': undefined }), body, now], [changed({ 'webhook-signature': 'v1,' }), body, now], [changed({ 'webhook-signature': 'v1,%%' }), body, now],
    [changed({ 'webhook-signature': vector['webhook-signature'].slice(0, 20) }), body, now], [changed({ 'webhook-signature': sign(other, vector['webhook-id'], 1614265330, body) }), body, now],
  ]) await assert.rejects(keys.verify(headers, b, at), UnsignedError, JSON.stringify(headers))
  for (const bad of [[], ['x'], ['whsec_'], ['whsec_AAAA'], ['whsec_%%%%'], [secret.slice(6)]]) await assert.rejects(webhookKeys(...bad), TypeError)
})

// A real message, made by the program itself: go test ./webhook gives it.
test('what the program signs', { skip: !process.env.AMANA_SIGNED }, async () => {
  const { secret, headers, body } = JSON.parse(process.env.AMANA_SIGNED)
  const message = await (await webhookKeys(secret)).verify(headers, body)
  assert.equal(message.type, 'consent.withdrawn')
})
