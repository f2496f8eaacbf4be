// What happens when the script is loaded, once all of it stands. Of the gate alone
// it is where it begins.
import { consent, d, emit, is, look, mine, minus, root, scan, signal, update, w } from './gate'

{
  root.id = 'amana'
  if (ALONE) (root as any).hidden = 1
  consent('consent', 'default', $C.m)
  if (mine) consent('consent', 'update', $C.n)
  update(minus(mine ? $C.g! : [], signal ? $C.h! : []), 'load')
  emit('ready', is._now)
  d.addEventListener('readystatechange', scan)
  w.cookieStore?.addEventListener('change', scan)
  new MutationObserver(look).observe(d, { childList: 1, subtree: 1 } as any)
  look()
}
