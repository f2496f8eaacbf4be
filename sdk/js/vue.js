// useConsent(question) is a ref that is true while it counts; <Consent purpose="…">
// shows its default slot then, and the slot "fallback" otherwise.
import { defineComponent, onScopeDispose, ref } from 'vue'

export const useConsent = question => {
  const counts = ref(false), look = () => counts.value = !!globalThis.amana?.has(question)
  if (typeof document != 'undefined') {
    for (const name of ['amana:ready', 'amana:change']) document.addEventListener(name, look)
    onScopeDispose(() => { for (const name of ['amana:ready', 'amana:change']) document.removeEventListener(name, look) })
    look()
  }
  return counts
}

export const Consent = defineComponent({
  props: { purpose: { type: [String, Object], required: true } },
  setup(props, { slots }) {
    const counts = useConsent(props.purpose)
    return () => counts.value ? slots.default?.() : slots.fallback?.()
  },
})

export const show = () => globalThis.amana?.show('choices')
