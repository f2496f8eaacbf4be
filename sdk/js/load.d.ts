/**
 * Puts the banner into a page that has no place for its tag in the head, and gives window.amana. Its type, with the switches of
 * your own policy, is what the public door serves at /amana.d.ts.
 */
export function load(door: string, language?: string): Promise<Window extends { amana: infer A } ? A : unknown>
