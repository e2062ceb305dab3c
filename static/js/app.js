// What the pages do beyond plain forms. Everything here has a way without it.
(() => {
  "use strict";

  const root = document.documentElement;
  const on = (event, selector, act) =>
    document.addEventListener(event, (e) => {
      const found = e.target.closest?.(selector);
      if (found) act(e, found);
    });

  // Theme
  on("click", "[data-theme-toggle]", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch (error) {
      // Kept for this page only.
    }
  });

  // A disabled button keeps its focus and its tooltip; it just does nothing.
  on("click", "[aria-disabled='true']", (e) => e.preventDefault());

  // Dialogs: opened by htmx filling them, closed by Escape, a click beside them, or a close button.
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (e) => {
    if (e.detail.target?.id === "dialog") opener = e.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    const dialog = document.getElementById("dialog");
    if (e.detail.target === dialog && dialog.childElementCount && !dialog.open) {
      dialog.showModal();
      dialog.querySelector("[autofocus], input:not([type=hidden]), textarea, button")?.focus();
    }
    if (e.detail.target?.id === "screen" && dialog?.open) dialog.close();
    document.dispatchEvent(new CustomEvent("promptledger:swapped", { detail: e.detail.target }));
  });
  on("click", "[data-close]", (e, button) => {
    const dialog = button.closest("dialog");
    if (dialog) {
      e.preventDefault();
      dialog.close();
    }
  });
  document.addEventListener("click", (e) => {
    if (e.target.nodeName === "DIALOG") e.target.close();
  });
  document.getElementById("dialog")?.addEventListener("close", (e) => {
    e.target.replaceChildren();
    opener?.focus?.();
  });

  // Menus close when one looks elsewhere.
  document.addEventListener("click", (e) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(e.target)) menu.open = false;
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    const typing = e.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "/") {
      e.preventDefault();
      document.getElementById("search")?.focus();
    }
    if (e.key === "e") document.querySelector("[data-action='edit']:not([aria-disabled='true'])")?.click();
  });

  // Copy
  on("click", "[data-copy]", async (e, button) => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.dataset.raw ?? source.textContent);
    const said = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = said; }, 1500);
  });

  // Chat editor: cards can be added, removed and moved. Names of fields do not matter for order; their place does.
  on("click", "[data-card-add]", (e, button) => {
    e.preventDefault();
    const template = document.getElementById("card-" + button.dataset.cardAdd);
    const card = template.content.cloneNode(true);
    document.getElementById("cards").append(card);
    document.getElementById("cards").lastElementChild.querySelector("textarea, input")?.focus();
    changed = true;
  });
  on("click", "[data-card-remove]", (e, button) => {
    e.preventDefault();
    button.closest("[data-card]").remove();
    changed = true;
  });
  on("click", "[data-card-up], [data-card-down]", (e, button) => {
    e.preventDefault();
    const card = button.closest("[data-card]");
    if ("cardUp" in button.dataset) card.previousElementSibling?.before(card);
    else card.nextElementSibling?.after(card);
    button.focus();
    changed = true;
  });

  // Leaving an editor with unsaved text asks first.
  let changed = false;
  on("input", "form[data-guard]", () => { changed = true; });
  document.addEventListener("submit", () => { changed = false; }, true);
  addEventListener("beforeunload", (e) => {
    if (changed && document.querySelector("form[data-guard]")) e.preventDefault();
  });

  // Filters that submit themselves.
  on("change", "form[data-auto] select, form[data-auto] input[type=checkbox]", (e, field) => {
    if (!window.htmx) field.form.requestSubmit();
  });
})();
