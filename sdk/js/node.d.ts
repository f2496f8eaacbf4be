/** What the public door serves at /amana.json, as far as it is read here. */
export interface Manifest {
  revisions: Record<string, { switch?: string; days?: number; heeds?: boolean; against?: string }[]>
}

/** The switches that count for a request, from its headers cookie and sec-gpc alone. */
export function granted(
  manifest: Manifest,
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>,
  now?: number,
): string[]
