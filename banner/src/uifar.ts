// The questions as the gate has them: fetched when they are first needed, from
// where the script itself came from.
import { base, C } from './gate'
export const act = async (...what: unknown[]) => (await import(new URL(C.u, base) as any)).act(...what)
export declare const ask: () => void, back: () => void, hold: (...what: unknown[]) => void, close: () => void // the gate calls none of them
