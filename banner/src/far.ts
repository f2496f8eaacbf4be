// The questions for a page in which the gate came alone, and calls by name.
import { act as answer, ask, back, hold } from './ui'
import { d, root } from './gate'

root.hidden = false
const click = (e: any) => {
  const b = e.target.closest('[data-amana-action]')
  if (b) e.preventDefault(), answer(b.dataset.amanaAction, b)
}
const others: Record<string, any> = { ask, back, hold }
export const act = (what = '', ...more: any[]) => {
  d.addEventListener('click', click) // each time: a page that was written anew has lost it
  return others[what] ? others[what](...more) : answer(what, ...more)
}
