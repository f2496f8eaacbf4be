// Stands before the gate of whoever has refused, by the cookie that the door has.
// A site with a cookie of its own may hold a yes from before still: that is marked
// as taken back, and the questions do the rest.
export {}
const m = document.cookie.match(/(?<!\S)amana=1\.\w+\.\w+\.\w+\.[\w-]{22}(?=;|$)/)
if (m) document.cookie = m[0] + $C.k
