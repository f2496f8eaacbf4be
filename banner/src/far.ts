// The questions for a page in which the gate came alone, and calls by name.
import { act as answer, ask, back, hold } from './ui'

const others: Record<string, any> = { ask, back, hold }
export const act = (what = '', ...more: any[]) => others[what] ? others[what](...more) : answer(what, ...more)
