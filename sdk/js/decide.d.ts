/** What is asked. */
export interface Question {
  /** About whom: `kind:value`, the kind being email, phone, customer or device. */
  subject: string
  /** The id of the purpose the data is to be used for. */
  purpose: string
  /** The ids of the data categories to be used; all of the purpose's if absent. */
  data?: string[]
  /** The id of the recipient the data is to be handed to. */
  recipient?: string
  /** What the person's browser says of itself now. */
  signals?: { gpc?: boolean }
  /** Also say since when, until when, by which receipt and on what evidence: of a server alone, not of a replica. */
  detail?: boolean
}

/** Why; the set is closed. */
export type Reason =
  | 'stale' | 'unknown_purpose' | 'unknown_data' | 'outside_scope' | 'erased' | 'restricted' | 'forbidden_by_law'
  | 'objected' | 'unknown_subject' | 'child' | 'not_asked' | 'refused' | 'withdrawn' | 'unconfirmed' | 'expired'
  | 'signal' | 'recipient_not_permitted' | 'recipient_suspended' | 'given' | 'basis'

/** One link of what an answer rests on, in both languages. */
export interface Link {
  step: 'policy' | 'scope' | 'event' | 'receipt' | 'ledger'
  /** against: the answer is no because of it; none: nothing is here. */
  state: 'holds' | 'against' | 'none'
  value?: string
  en: string
  ar: string
}

/** Whether the data may be used so, now. It is not to be kept. */
export interface Answer {
  allowed: boolean
  reason: Reason
  /** The id of the version by which it was decided; empty where nobody answered. */
  policy: string
  since?: string
  expires_at?: string
  receipt?: string
  /** How often at most, where the purpose offers a choice. */
  frequency?: string
  evidence?: 'shown' | 'attested' | 'imported' | 'not_evidenced'
  /** With detail: what the answer rests on, from the policy in force to the entry in the log. */
  chain?: Link[]
  /** Why nobody answered, where the reason is stale for that. */
  error?: unknown
}

export interface Options {
  /** Of the company door of a server, or of a replica, such as http://127.0.0.1:8091 */
  url: string | URL
  /** Of the scope decide; what a replica was given as --ask-token. */
  token?: string
  /** How long an answer is waited for, in milliseconds; 2000 if absent. */
  timeout?: number
  /** In the place of the global one. */
  fetch?: typeof globalThis.fetch
}

/** A question that cannot be asked: its subject is no identifier. */
export class QuestionError extends Error {}

export interface Decider {
  /** Answers a question. Where nobody answers it is stale, and no; it rejects with a QuestionError alone. */
  decide(question: Question): Promise<Answer>
  /** The answer in short. */
  allowed(question: Question): Promise<boolean>
}

export function decider(options: Options): Decider
