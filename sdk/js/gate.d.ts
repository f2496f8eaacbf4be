import type { IncomingMessage, ServerResponse } from 'node:http'

export interface GateOptions<Req extends IncomingMessage = IncomingMessage> {
  /** Where the company door is, such as http://127.0.0.1:8081. */
  door: string
  /** A token with the scope decide. */
  token: string
  /** The id of the purpose, as the policy names it. */
  purpose: string
  /** The ids of the data categories to be used; all of the purpose's where absent. */
  data?: string[]
  /** The id of the recipient the data is handed to. */
  recipient?: string
  /**
   * Who a request is from, as kind:value, by what the program itself knows: its
   * session, a token it has verified. A header that a client may have sent is no
   * such knowledge. Nothing is nobody.
   */
  subject: (req: Req) => string | null | undefined | Promise<string | null | undefined>
  /** How long an answer may take, in milliseconds; 1000 where absent. */
  timeout?: number
  /** Answers a request that may not pass; 403 where absent. */
  refused?: (req: Req, res: ServerResponse) => void
  /** Answers a request about which nothing could be found out in time; 503 where absent. */
  unsure?: (req: Req, res: ServerResponse) => void
  /** The fetch that asks; the global one where absent. */
  fetch?: typeof globalThis.fetch
}

/** Makes a handler that lets through only requests for which the answer is yes. */
export function gate<Req extends IncomingMessage = IncomingMessage>(
  options: GateOptions<Req>,
): (req: Req, res: ServerResponse, next: () => unknown) => Promise<unknown>
