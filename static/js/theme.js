// Before the first paint: the theme that the person chose, if any.
(() => {
  "use strict";
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // No storage, no choice: the system's theme it is.
  }
})();
