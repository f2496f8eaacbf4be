// The questions as the gate has them: fetched when they are first needed.
import { base, C } from './gate'
export const act = async (...what: unknown[]) => (await import(base + C.u)).act(...what)
