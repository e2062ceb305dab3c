// What the pages do beyond plain forms. Everything here has a way without it.
(() => {
  "use strict";

  const root = document.documentElement;
  const dialog = document.getElementById("dialog");
  const on = (event, selector, act) =>
    document.addEventListener(event, (e) => {
      const found = e.target.closest?.(selector);
      if (found) act(e, found);
    });
  // In a shadow root, as the editor's, an event's target is the host: the path knows the element itself.
  const typing = (e) => e.composedPath().some((node) => node.matches?.("input, textarea, select, [contenteditable='true']"));

  // Tells a screen reader what a swap changed; the region stands in the page from the start.
  function say(words) {
    const region = document.getElementById("said");
    if (region) region.textContent = words;
  }

  // Theme
  on("click", "[data-theme-toggle]", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    say(dark ? "Light theme" : "Dark theme");
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch (error) {
      // Kept for this page only.
    }
  });

  // A button that is off does nothing, however it is pressed.
  on("click", "[aria-disabled='true']", (e) => e.preventDefault());

  // A second press while the first is on its way is none: htmx would keep it, and the answer would be a refusal.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post" || !e.target.classList.contains("htmx-request")) return;
    e.preventDefault();
    e.stopImmediatePropagation();
  }, true);

  // A link that is called a button is pressed by the space bar, as a button is.
  on("keydown", "a[role='button']", (e, button) => {
    if (e.key !== " ") return;
    e.preventDefault();
    button.click();
  });

  // What went wrong is said where one looks: in the open dialog, else at the top of what one sees of the page.
  const failed = document.getElementById("failed");
  const usual = failed?.textContent;
  function putAway() {
    if (!failed) return;
    failed.hidden = true;
    document.getElementById("main").prepend(failed);
  }
  function complain(words = usual, link = null) {
    if (!failed) return;
    failed.textContent = words;
    if (link) {
      const a = document.createElement("a");
      Object.assign(a, { href: link.href, target: "_blank", textContent: link.said });
      failed.append(" ", a);
    }
    if (dialog.open) dialog.querySelector(".body")?.prepend(failed);
    failed.hidden = false;
  }
  document.addEventListener("promptledger:failed", (e) => complain(e.detail?.words, e.detail?.link));
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, () => complain());
  }
  document.addEventListener("htmx:beforeRequest", putAway);

  // Dialogs: opened by htmx filling them, closed by Escape, a press beside them, or a close button.
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (e) => {
    if (e.detail.target === dialog) opener = e.detail.elt;
  });
  function openDialog() {
    dialog.setAttribute("aria-label", dialog.querySelector("h1, h2")?.textContent ?? "Question");
    dialog.showModal();
    dialog.querySelector("[autofocus], input:not([type=hidden]), textarea, [data-close], button")?.focus();
  }
  on("click", "[data-close]", (e, button) => {
    const open = button.closest("dialog");
    if (open) {
      e.preventDefault();
      open.close();
    }
  });
  // Both ends of the press must be beside it: marking text up to the edge is no wish to leave.
  let pressedBeside = false;
  dialog?.addEventListener("pointerdown", (e) => { pressedBeside = e.target === dialog; });
  dialog?.addEventListener("click", (e) => {
    if (e.target === dialog && pressedBeside) dialog.close();
  });
  dialog?.addEventListener("close", () => {
    if (dialog.contains(failed)) putAway();
    dialog.replaceChildren();
    if (opener?.isConnected) opener.focus();
    opener = null;
  });

  // After a swap the focus goes where the work goes on, and what happened is said.
  function focusScreen(screen) {
    const next = screen.querySelector("[data-refusal]")
      ?? screen.querySelector(".field.bad :is(input, select, textarea:not([hidden]))")
      ?? screen.querySelector("#test [data-result]")
      ?? screen.querySelector("#test textarea, #cards textarea")
      ?? screen.querySelector(".version-head h2");
    if (!next) return;
    if (!next.matches("input, select, textarea")) next.tabIndex = -1;
    next.focus({ preventScroll: !next.matches("[data-result], .bad *") });
  }
  function showNews(screen) {
    const news = screen.querySelector(".notices, [data-refusal]");
    if (news && news.getBoundingClientRect().top < document.querySelector(".top").offsetHeight) scrollTo({ top: 0 });
  }
  function tellScreen(screen) {
    const notices = [...screen.querySelectorAll(".notices .notice, [data-refusal]")].map((each) => each.textContent.trim());
    const head = screen.querySelector(".version-head");
    say(notices.join(" ") || (head ? head.innerText.replace(/\s+/g, " ") : ""));
  }
  // A page that asks anew every second must not take a button away between its press and its release: no click comes
  // of that. What it asks the next time is shown.
  let pressed = null;
  document.addEventListener("pointerdown", (e) => { pressed = e.target; }, true);
  for (const released of ["pointerup", "pointercancel"]) {
    document.addEventListener(released, () => { pressed = null; }, true);
  }
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.requestConfig.elt.matches("[hx-trigger^='every ']") && e.detail.target.contains(pressed)) e.detail.shouldSwap = false;
  });
  // A refusal comes as a whole page; only what it says goes into the place that was asked for.
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (/^\s*<!doctype/i.test(e.detail.serverResponse)) e.detail.selectOverride = "#main > :not(.failed)";
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    if (e.detail.target?.id === "screen" && dialog?.open) {
      opener = null;
      dialog.close();
    }
  });
  document.addEventListener("htmx:afterSettle", (e) => {
    // Not before: until now htmx did not know the form, and Enter would have sent it past the guard against two presses.
    if (e.detail.target === dialog && dialog.childElementCount && !dialog.open) openDialog();
    prepare(document);
    document.dispatchEvent(new CustomEvent("promptledger:swapped", { detail: e.detail.target }));
    const screen = document.getElementById("screen");
    if (e.detail.target?.id !== "screen" || !screen) return;
    tellScreen(screen);
    showNews(screen);
    if (document.activeElement === document.body) focusScreen(screen);
  });

  // Menus close when one looks elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu.contains(except)) continue;
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside && !except) menu.querySelector("summary").focus();
    }
  };
  document.addEventListener("click", (e) => closeMenus(e.target));
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") closeMenus(null);
    if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || dialog?.open) return;
    if (e.key === "/") {
      e.preventDefault();
      document.getElementById("search")?.focus();
    }
    if (e.key === "e" && !document.querySelector("form[data-guard]")) {
      document.querySelector("a[data-action='edit']")?.click();
    }
  });

  // Copy. Browsers give the clipboard to https and this machine only; elsewhere the text is marked, ready for Ctrl+C.
  on("click", "[data-copy]", async (e, button) => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.dataset.said ?? button.textContent;
    button.dataset.said = label;
    try {
      await navigator.clipboard.writeText(source.dataset.raw ?? source.textContent);
      button.textContent = "Copied";
    } catch (error) {
      getSelection().selectAllChildren(source);
      button.textContent = "Marked: press Ctrl+C";
    }
    say(button.textContent);
    setTimeout(() => { button.textContent = label; }, 1800);
  });

  // Chat editor: cards can be added, removed and moved. Names of fields do not matter for order; their place does.
  const tellChanged = (place) => place.dispatchEvent(new Event("input", { bubbles: true }));
  on("click", "[data-card-add]", (e, button) => {
    e.preventDefault();
    const template = document.getElementById("card-" + button.dataset.cardAdd);
    const cards = document.getElementById("cards");
    cards.append(template.content.cloneNode(true));
    cards.lastElementChild.querySelector("textarea, input:not([type=hidden])")?.focus();
    tellChanged(cards);
  });
  on("click", "[data-card-remove]", (e, button) => {
    e.preventDefault();
    const card = button.closest("[data-card]");
    const near = card.nextElementSibling ?? card.previousElementSibling;
    tellChanged(card);
    card.remove();
    (near?.querySelector("[data-card-remove]") ?? document.querySelector("[data-card-add]"))?.focus();
    say("Message removed");
  });
  on("click", "[data-card-up], [data-card-down]", (e, button) => {
    e.preventDefault();
    const card = button.closest("[data-card]");
    if ("cardUp" in button.dataset) card.previousElementSibling?.before(card);
    else card.nextElementSibling?.after(card);
    button.focus();
    const place = [...card.parentElement.children].indexOf(card) + 1;
    say(`Message ${place} of ${card.parentElement.childElementCount}`);
    tellChanged(card);
  });
  on("change", "[data-card] select[name=role]", (e, select) => {
    const card = select.closest("[data-card]");
    for (const option of select.options) card.classList.toggle("msg-" + option.value, option.selected);
  });

  // Filters that submit themselves.
  on("change", "form[data-auto] select, form[data-auto] input[type=checkbox]", (e, field) => {
    if (!window.htmx) field.form.requestSubmit();
  });

  // A long difference shows what changed, with a little around it; the rest unfolds.
  const AROUND = 3;
  const ENOUGH = 4;
  function fold(table) {
    if (table.dataset.folded) return;
    table.dataset.folded = "yes";
    const rows = [...table.tBodies[0].rows];
    const shown = new Set();
    rows.forEach((row, at) => {
      if (row.querySelector(".twin")) return;
      for (let near = at - AROUND; near <= at + AROUND; near++) shown.add(near);
    });
    for (let at = 0; at < rows.length; at++) {
      let end = at;
      while (end < rows.length && !shown.has(end)) end++;
      if (end - at >= ENOUGH) hide(rows.slice(at, end));
      at = end;
    }
  }
  function hide(rows) {
    const row = document.createElement("tr");
    row.className = "fold";
    const cell = row.insertCell();
    cell.colSpan = 4;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${rows.length} lines are the same`;
    button.addEventListener("click", () => {
      for (const each of rows) each.hidden = false;
      row.remove();
      const first = rows[0].cells[0];
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    });
    cell.append(button);
    rows[0].before(row);
    for (const each of rows) each.hidden = true;
  }

  // The rail shows the version that the page is about, however long it is.
  function showCurrent(rail) {
    const current = rail.querySelector("[aria-current]");
    const scroller = current?.closest("ol");
    if (!current) return;
    const [to, from] = [current.getBoundingClientRect(), rail.getBoundingClientRect()];
    rail.scrollTop += to.top - from.top - (rail.clientHeight - to.height) / 2;
    const side = scroller.getBoundingClientRect();
    scroller.scrollLeft += to.left - side.left - (scroller.clientWidth - to.width) / 2;
  }

  function prepare(within) {
    within.querySelectorAll("table.diff").forEach(fold);
    within.querySelectorAll(".rail").forEach(showCurrent);
  }
  prepare(document);
})();
