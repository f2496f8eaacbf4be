// The questions as the gate has them: fetched when they are first needed, from
// where the script itself came from. A no that takes something back is written
// before, and holds whether they come or not; what ran ends with the page, once
// they have told the server, or have not come.
import { again, base, cookie, d, is, update } from './gate'
export const act = async (...what: unknown[]) => (
  is._now[0] && what[0] == 'reject' && (d.cookie = cookie() + $C.k, is._was = '', update([])),
  (await import(new URL($C.u, base) as any).catch(again))?.act?.(...what))
export declare const ask: () => void, back: () => void, hold: (...what: unknown[]) => void, close: () => void // the gate calls none of them
