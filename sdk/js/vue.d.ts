import type { DefineComponent, Ref } from 'vue'
import type { Question } from './question.js'

/** True while it counts. */
export function useConsent(question: Question): Ref<boolean>

/** Shows its default slot while it counts, and the slot "fallback" otherwise. */
export const Consent: DefineComponent<{ purpose: Question }>

/** Opens the choices. */
export function show(): Promise<void> | undefined
