// What the server compiles from the policy in force and, for one visitor, from
// the cookie. One letter a member, because every byte is sent to everybody; it
// puts each in the place where it is read, as $C.x, or 0 where there is none.
interface Config {
  v: string // the version shown, by the first digits of its id
  l: string // language of the texts
  b: string // the cookie to which this script answers, as a regular expression; one that nothing matches where there is none
  g?: string[] // switches that count by that cookie
  h?: string[] // those of them that a signal takes away
  q?: 1 // there is something to ask all the same
  p?: 1 // the request carried Sec-GPC
  z?: number // 1: under the signal there is nothing to ask; 2: there is nothing ever
  m?: object // what Consent Mode is told first: everything denied
  n?: object // and then: what is granted by that cookie
  k: string // what the cookie ends with: its attributes; for the gate with the mark of a no before them
  u: string // address of the questions, for the gate
  t: string // as HTML: the questions, what stands in the place of something that waits, the way back
  c: string // their style
  s: Record<string, string> // names that a switch stores, as more alternatives of a regular expression
  d: string // address of the details
  e: string // words for: could not be saved
}
type Question = string | { all?: Question[]; any?: Question[]; not?: Question[] }
declare const $C: Config
declare const ALONE: boolean // built as the gate alone
