// CodeMirror over the prompt's textarea, which stays the form's field: without this script it simply is the editor.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, MatchDecorator, ViewPlugin,
} from "@codemirror/view";

const variable = new MatchDecorator({
  regexp: /\{\{[ \t]*[\p{L}\p{N}_]+[ \t]*\}\}/gu,
  decoration: Decoration.mark({ class: "var" }),
});

const variables = ViewPlugin.fromClass(
  class {
    constructor(view) { this.decorations = variable.createDeco(view); }
    update(change) { this.decorations = variable.updateDeco(change, this.decorations); }
  },
  { decorations: (plugin) => plugin.decorations },
);

const look = EditorView.theme({
  "&": {
    color: "var(--ink)", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)",
    borderRadius: "var(--r)", fontSize: ".88rem", maxHeight: "62vh",
  },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", overflow: "auto", borderRadius: "var(--r)" },
  ".var": { color: "var(--accent-text)", backgroundColor: "var(--accent-soft)", borderRadius: "4px" },
  ".cm-content": { caretColor: "var(--ink)", padding: "10px 0" },
  ".cm-content, .cm-gutter": { minHeight: "10rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-3)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft)",
  },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
});

const save = {
  key: "Mod-s",
  preventDefault: true,
  run: (view) => {
    const host = view.root.host;
    host.closest("form")?.requestSubmit(host.closest("form").querySelector("[data-save]"));
    return true;
  },
};

function grow(textarea) {
  if (textarea.dataset.grown) return;
  textarea.dataset.grown = "yes";
  const label = textarea.labels?.[0]?.textContent ?? textarea.getAttribute("aria-label") ?? "Text";
  // In a shadow root the editor's styles are constructed sheets, which the CSP allows; elsewhere they are inline.
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  textarea.before(host);
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), highlightSelectionMatches(),
        EditorView.lineWrapping, variables, look,
        // Tab is not bound: it leaves the editor, as it leaves any other field.
        keymap.of([save, ...defaultKeymap, ...historyKeymap, ...searchKeymap]),
        EditorView.contentAttributes.of({
          "aria-label": label, "aria-multiline": "true", spellcheck: "true", tabindex: "0",
        }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          textarea.value = update.state.doc.toString();
          textarea.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    }),
  });
  textarea.hidden = true;
  textarea.addEventListener("promptledger:fill", () => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: textarea.value } });
  });
  // The label still names the text, and a refusal is read before one writes on.
  for (const said of textarea.labels ?? []) said.addEventListener("click", () => view.focus());
  if (textarea.autofocus && !document.querySelector("[data-refusal], .field.bad")) view.focus();
}

const growAll = () => {
  for (const textarea of document.querySelectorAll("#id_template_source")) grow(textarea);
};

document.addEventListener("promptledger:swapped", growAll);
growAll();
