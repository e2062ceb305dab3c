// What is typed into a form with data-guard stays until it is saved: whoever leaves is asked first, and neither
// a lost session nor a lost server takes it away. What went wrong is said by app.js.
(() => {
  "use strict";

  const STILL_HERE = "What you typed is still here.";
  const isGuarded = (element) => Boolean(element?.closest?.("form[data-guard]"));
  const complain = (words, link) =>
    document.dispatchEvent(new CustomEvent("promptledger:failed", { detail: { words, link } }));
  const signedOut = (address) =>
    complain(`You are signed out. ${STILL_HERE} Sign in in another tab, then save again:`, {
      said: "Sign in", href: new URL(address, location.href).pathname,
    });
  const noServer = () => complain(`The server did not answer. ${STILL_HERE} Try again.`);

  // Leaving the page or swapping the editor away asks first.
  let changed = false;
  const guarded = () => changed && document.querySelector("form[data-guard]");
  document.addEventListener("input", (e) => {
    if (isGuarded(e.target)) changed = true;
  });
  document.addEventListener("submit", (e) => {
    if (isGuarded(e.target)) changed = false;
  }, true);
  addEventListener("beforeunload", (e) => {
    if (guarded()) e.preventDefault();
  });
  document.addEventListener("htmx:confirm", (e) => {
    const { elt, target } = e.detail;
    if (target?.id !== "screen" || isGuarded(elt) || !guarded()) return;
    if (confirm("Your text is not saved. Leave it?")) changed = false;
    else e.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (e) => {
    // What was sent and not saved is still only in the form.
    if (isGuarded(e.detail.elt) && !e.detail.successful) changed = true;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!document.querySelector("form[data-guard]")) changed = false;
  });

  // Whoever signs in again, in another tab, gets another token: the forms of this page take it over.
  // Returns whether there is one; throws where the server is not there. Says it where nobody is signed in.
  async function renewToken() {
    const answer = await fetch(location.href, { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (answer.status === 401) {
      signedOut(answer.headers.get("HX-Redirect"));
      return false;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = page.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (!token) return true;
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
    return true;
  }

  // A plain form leaves its page, and the text with it: it is sent once the server has said that it listens.
  document.addEventListener("submit", async (e) => {
    const form = e.target;
    if (e.defaultPrevented || !isGuarded(form) || form.hasAttribute("hx-post")) return;
    if (form.dataset.asked === "yes") {
      delete form.dataset.asked;
      return;
    }
    e.preventDefault();
    changed = true;
    if (form.dataset.asked) return;
    form.dataset.asked = "asking";
    try {
      const listens = await renewToken();
      delete form.dataset.asked;
      if (!listens) return;
      form.dataset.asked = "yes";
      form.requestSubmit(e.submitter);
    } catch (error) {
      delete form.dataset.asked;
      noServer();
    }
  });

  // htmx would put what the server says in place of the editor. A page that knows nothing of the form only is read out.
  document.addEventListener("htmx:beforeOnLoad", (e) => {
    const { elt, xhr } = e.detail;
    if (!isGuarded(elt)) return;
    if (xhr.status === 401) {
      e.preventDefault();
      signedOut(xhr.getResponseHeader("HX-Redirect"));
    } else if (xhr.status >= 400 && /^\s*<!doctype/i.test(xhr.response)) {
      e.preventDefault();
      const page = new DOMParser().parseFromString(xhr.response, "text/html");
      if (page.querySelector("[data-old-token]") && !elt.dataset.renewed) sendAgain(elt, e.detail.requestConfig);
      else complain(`${saidBy(page)} ${STILL_HERE}`);
    }
  });
  document.addEventListener("htmx:sendError", (e) => {
    if (isGuarded(e.detail.elt)) noServer();
  });

  function saidBy(page) {
    return [...page.querySelectorAll(".empty :is(h1, p:not(.num))")]
      .map((each) => each.textContent.trim().replace(/[^.!?]$/, "$&."))
      .join(" ");
  }

  async function sendAgain(elt, { triggeringEvent }) {
    elt.dataset.renewed = "yes";
    try {
      if (!(await renewToken())) return;
      if (elt.matches("form")) elt.requestSubmit(triggeringEvent?.submitter);
      else elt.click();
    } catch (error) {
      noServer();
    } finally {
      setTimeout(() => { delete elt.dataset.renewed; }, 5000);
    }
  }
})();
