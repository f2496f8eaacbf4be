// useConsent(question) is true while it counts; <Consent purpose="…"> shows its
// children then, and its fallback otherwise.
import { createElement, Fragment, useSyncExternalStore } from 'react'

const listen = changed => {
  for (const name of ['amana:ready', 'amana:change']) document.addEventListener(name, changed)
  return () => { for (const name of ['amana:ready', 'amana:change']) document.removeEventListener(name, changed) }
}

export const useConsent = question => useSyncExternalStore(listen, () => !!globalThis.amana?.has(question), () => false)

export const Consent = ({ purpose, fallback = null, children }) => createElement(Fragment, null, useConsent(purpose) ? children : fallback)

export const show = () => globalThis.amana?.show('choices')
