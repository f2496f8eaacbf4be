/** How far the clocks may be apart, and how old a message may be, in seconds. */
export const tolerance: number

/** A message that is not signed by any of the secrets, or not within the tolerance. */
export class UnsignedError extends Error {}

/** The kinds of messages; there will be others. */
export type Kind =
  | 'consent.given' | 'consent.refused' | 'consent.withdrawn' | 'consent.confirmed' | 'consent.paused' | 'consent.resumed'
  | 'request.asked' | 'request.confirmed' | 'request.cancelled' | 'request.done' | 'request.refused'
  | 'subject.erased' | 'policy.published' | 'webhook.test' | (string & {})

/** What happened, when, and ids by which the rest is read over the API. */
export interface Message {
  type: Kind
  /** When it happened, RFC 3339. */
  timestamp: string
  data: {
    /** The id of the event and of its receipt. */
    event?: string
    /** The same for all messages about one subject to one webhook. */
    subject?: string
    /** Counts the events of a subject: the larger is the later. */
    sequence?: number
    purpose?: string
    policy?: string
  }
}

export class WebhookKeys {
  private constructor()
  /** Gives the message, or throws UnsignedError. The body is what arrived, byte for byte. */
  verify(
    headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>,
    body: string | Uint8Array,
    now?: number,
  ): Promise<Message>
}

/** Reads secrets, whsec_…: the one you have, or while it is rotated the old and the new one. */
export function webhookKeys(...secrets: string[]): Promise<WebhookKeys>
