/** A switch: the id of a purpose, or purpose/recipient. */
export type Switch = string

/** A question about switches; "!" turns one round. */
export type Question = Switch | { all?: readonly Question[]; any?: readonly Question[]; not?: readonly Question[] }
