// Checks messages of Amana's webhooks where they arrive (Standard Webhooks 1.0),
// in Node, Deno, Bun and workers: it needs nothing but the platform's own crypto.
//
//   const keys = await webhookKeys(process.env.AMANA_WEBHOOK_SECRET)
//   const message = await keys.verify(request.headers, bodyAsItCame)

/** How far the clocks may be apart, and how old a message may be, in seconds. */
export const tolerance = 300

/** A message that is not signed by any of the secrets, or not within the tolerance. */
export class UnsignedError extends Error {
  constructor() {
    super('the message is not signed by the secret')
    this.name = 'UnsignedError'
  }
}

/**
 * Reads secrets, whsec_…: the one you have, or while it is rotated the old and the new one.
 * @param {...string} secrets
 * @returns {Promise<WebhookKeys>}
 */
export async function webhookKeys(...secrets) {
  if (secrets.length === 0) throw new TypeError('a secret is needed')
  return new WebhookKeys(await Promise.all(secrets.map(read)))
}

async function read(secret) {
  const bad = () => new TypeError('a secret is whsec_ and the base64 of 24 to 64 bytes')
  if (typeof secret !== 'string' || !secret.startsWith('whsec_')) throw bad()
  const raw = bytes(secret.slice(6))
  if (!raw || raw.length < 24 || raw.length > 64) throw bad()
  return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

function bytes(base64) {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  } catch {
    return null
  }
}

export class WebhookKeys {
  #keys
  constructor(keys) {
    this.#keys = keys
  }

  /**
   * Gives the message, or throws UnsignedError. The body is what arrived, byte for byte, before anything read it as JSON.
   * @param {Headers | Record<string, string | string[] | undefined>} headers of Fetch, or as Node's http has them
   * @param {string | Uint8Array} body
   * @param {number} [now] in milliseconds
   */
  async verify(headers, body, now = Date.now()) {
    const header = (name) => (typeof headers.get === 'function' ? headers.get(name) : headers[name]) ?? ''
    const id = header('webhook-id')
    const timestamp = header('webhook-timestamp')
    if (!id || !/^-?\d{1,12}$/.test(timestamp) || Math.abs(Math.trunc(now / 1000) - Number(timestamp)) > tolerance) throw new UnsignedError()
    const text = typeof body === 'string' ? new TextEncoder().encode(body) : body
    const head = new TextEncoder().encode(`${id}.${timestamp}.`)
    const signed = new Uint8Array(head.length + text.length)
    signed.set(head)
    signed.set(text, head.length)
    let good = false
    for (const given of String(header('webhook-signature')).split(' ')) {
      const mac = given.startsWith('v1,') && bytes(given.slice(3))
      for (const key of mac ? this.#keys : []) good = (await crypto.subtle.verify('HMAC', key, mac, signed)) || good // in constant time
    }
    if (!good) throw new UnsignedError()
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
  }
}
