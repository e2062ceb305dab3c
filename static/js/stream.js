// The answer of a TEST, shown while it comes. Without this the form's own request brings it whole.
(() => {
  "use strict";

  const SIGNED_OUT = {
    words: "You are signed out. Sign in in another tab, then run the test again:", link: { said: "Sign in", href: "/login/" },
  };

  document.addEventListener("htmx:beforeRequest", (e) => {
    const form = e.detail.elt;
    if (!form.matches?.("form[data-stream]") || !window.ReadableStream) return;
    e.preventDefault();
    if (!form.classList.contains("htmx-request")) run(form);
  });

  async function run(form) {
    const panel = form.parentElement;
    const box = panel.querySelector("template[data-streamed]").content.cloneNode(true).firstElementChild;
    const text = box.querySelector(".text");
    const button = form.querySelector("[data-run]");
    panel.querySelectorAll(".result").forEach((each) => each.remove());
    form.after(box);
    form.classList.add("htmx-request");
    button.setAttribute("aria-disabled", "true");
    try {
      // An empty piece: that attempt failed, and the next one begins anew.
      const screen = await read(form, (piece) => (piece ? text.append(piece) : text.replaceChildren()));
      if (form.isConnected) show(screen);
    } catch (error) {
      document.dispatchEvent(new CustomEvent("promptledger:failed", { detail: error.said }));
      box.removeAttribute("aria-busy");
      box.querySelector("header b").textContent = "Broken off";
    } finally {
      form.classList.remove("htmx-request");
      button.removeAttribute("aria-disabled");
    }
  }

  // Hands each piece on and returns the screen that comes last. Throws where the connection breaks.
  async function read(form, onText) {
    const answer = await fetch(form.dataset.stream, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "HX-Request": "true" },
    });
    if (answer.status === 401) throw Object.assign(new Error("signed out"), { said: SIGNED_OUT });
    if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Error("no stream");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("broken off");
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        if (!event.startsWith("data: ")) continue;
        const said = JSON.parse(event.slice(6));
        if ("html" in said) return said.html;
        onText(said.text);
      }
    }
  }

  function show(html) {
    const screen = document.getElementById("screen");
    window.htmx.swap(screen, html, { swapStyle: "outerHTML" }, { eventInfo: { target: screen } });
  }
})();
