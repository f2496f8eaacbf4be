import type { ReactElement, ReactNode } from 'react'
import type { Question } from './question.js'

/** Whether it counts, now; the component is drawn again when that changes. */
export function useConsent(question: Question): boolean

/** Shows its children while it counts, and its fallback otherwise. */
export function Consent(props: { purpose: Question; fallback?: ReactNode; children?: ReactNode }): ReactElement

/** Opens the choices. */
export function show(): Promise<void> | undefined
