// window.amana: what a page may ask of its visitor's choices.

/** A switch: the id of a purpose, or purpose/recipient. */
export type Purpose = string

/** A question; "!" turns one round. */
export type Question = Purpose | `!${Purpose}` | { all?: Question[]; any?: Question[]; not?: Question[] }

/** Where an answer came from. */
export type Origin = 'load' | 'banner' | 'dialog' | 'placeholder' | 'api'

export interface Change {
  added: Purpose[]
  removed: Purpose[]
  /** Absent where another tab, or another of your sites, has answered, and where everything is taken back before the questions are loaded. */
  origin?: Origin
}

export interface Events {
  /** What counts; comes at once where it is known already. */
  ready: Purpose[]
  show: 'layer' | 'choices'
  change: Change
  /** Receipts of what the server recorded. */
  receipt: unknown[]
}

export interface Amana {
  /** Whether it counts, now. */
  has(question: Question): boolean
  /** Resolves as soon as it counts, at once where it does already. */
  when(question: Question): Promise<void>
  /** What counts now. */
  get(): Purpose[]
  /** Says yes to these and no to the rest; resolves with the receipts. */
  set(purposes: Purpose[]): Promise<unknown[] | undefined>
  accept(): Promise<unknown[] | undefined>
  reject(): Promise<unknown[] | undefined>
  /** Opens the choices. */
  show(what?: 'choices'): Promise<void>
  /** Listens; gives what stops it. The same comes as amana:NAME on document. */
  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void
}

declare global {
  interface Window {
    amana: Amana
  }
  interface DocumentEventMap {
    'amana:ready': CustomEvent<Events['ready']>
    'amana:show': CustomEvent<Events['show']>
    'amana:change': CustomEvent<Events['change']>
    'amana:receipt': CustomEvent<Events['receipt']>
  }
  const amana: Amana
}
