// decider({ url, token }) asks a server of Amana, or a replica beside the
// program, "may I use this?". Questions of one turn of the event loop go in one
// request, over connections that are kept. What cannot be told is stale: a no.

const most = 1000 // questions in one request

export class QuestionError extends Error {
  constructor(detail) {
    super(detail)
    this.name = 'QuestionError'
  }
}

const isAnswer = a => typeof a?.allowed === 'boolean' && typeof a.reason === 'string'

export const decider = ({ url, token, timeout = 2000, fetch: ask = globalThis.fetch }) => {
  const at = new URL('v1/decide', String(url).replace(/\/*$/, '/'))
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
  let waiting = []

  const stale = (list, why) => list.forEach(w => w.resolve({ allowed: false, reason: 'stale', policy: '', error: why }))

  const send = async list => {
    let answer, body
    try {
      answer = await ask(at, { method: 'POST', headers, body: JSON.stringify(list.map(w => w.question)), redirect: 'error', signal: AbortSignal.timeout(timeout) })
      body = await answer.json()
    } catch (e) {
      return stale(list, e)
    }
    if (answer.ok && Array.isArray(body) && body.length === list.length && body.every(isAnswer)) return list.forEach((w, i) => w.resolve(body[i]))
    const wrong = answer.status === 422 && /^\[(\d+)\]/.exec(body?.field ?? '')
    if (!wrong || !list[wrong[1]]) return stale(list, new Error(`${answer.status} ${body?.detail ?? 'what was answered is no answer of Amana'}`))
    const [bad] = list.splice(wrong[1], 1) // the others were asked rightly
    bad.reject(new QuestionError(body.detail))
    return list.length ? send(list) : undefined
  }

  const flush = () => {
    const all = waiting
    waiting = []
    for (let i = 0; i < all.length; i += most) send(all.slice(i, i + most))
  }

  const decide = question => new Promise((resolve, reject) => {
    if (waiting.push({ question, resolve, reject }) === 1) setImmediate(flush)
  })

  const allowed = async question => (await decide(question)).allowed === true

  return { decide, allowed }
}
