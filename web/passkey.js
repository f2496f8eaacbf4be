// Asks the browser for a passkey: a new one where the challenge names a user,
// else one that it has. The answer goes back with the form it was asked for.
"use strict";
(() => {
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const ask = async (path) => {
    const got = await fetch(path, { method: "POST" });
    if (!got.ok) throw new Error("no challenge");
    const o = (await got.json()).publicKey;
    o.challenge = bytes(o.challenge);
    if (!o.user) return navigator.credentials.get({ publicKey: o });
    o.user.id = bytes(o.user.id);
    for (const c of o.excludeCredentials || []) c.id = bytes(c.id);
    return navigator.credentials.create({ publicKey: o });
  };
  const written = (c) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (c.response[name]) response[name] = text(c.response[name]);
    }
    return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response });
  };
  for (const form of document.querySelectorAll("form[data-begin]")) {
    if (!window.PublicKeyCredential) {
      document.getElementById("passkey-none").hidden = false;
      continue;
    }
    const button = form.querySelector("button"), problem = form.querySelector("[role=alert]");
    form.hidden = false;
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      button.disabled = true;
      problem.hidden = true;
      try {
        form.elements.answer.value = written(await ask(form.dataset.begin));
        form.submit();
      } catch {
        problem.hidden = false;
        button.disabled = false;
        button.focus();
      }
    });
  }
})();
