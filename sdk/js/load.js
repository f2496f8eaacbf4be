// load puts the banner into a page that has no place for its tag in the head. A
// tag in the head is better: it comes before every other script.
export const load = (door, language = document.documentElement.lang) => window.amana ? Promise.resolve(window.amana) : new Promise((done, failed) => {
  const s = document.createElement('script')
  s.src = `${door}/amana.js?lang=${language}`
  s.onload = () => done(window.amana)
  s.onerror = failed
  document.head.append(s)
})
