// Elements are made, never written as markup: what a model says can only become text.

export const byId = (id) => document.getElementById(id);

/** An element with properties, `data-*` and aria attributes, and children (nodes or text). */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Say something to a screen reader without moving anything on the screen. */
export function announce(sentence) {
  byId("announce").textContent = sentence;
}

/** Put a text on the clipboard; also where the page came over plain http, as in a ward's network. */
export async function copy(text, button) {
  const before = button.textContent;
  button.textContent = (await copied(text)) ? "Copied" : "Could not copy";
  announce(button.textContent);
  setTimeout(() => { button.textContent = before; }, 1600);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text);
  }
}

function copiedTheOldWay(text) {
  const hidden = make("textarea", { value: text, className: "visually-hidden" });
  (document.querySelector("dialog[open]") ?? document.body).append(hidden);
  hidden.select();
  const done = document.execCommand("copy");
  hidden.remove();
  return done;
}

/** Dialogs close with Escape, with their buttons, and with a click beside them. */
export function closable(dialog) {
  for (const button of dialog.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => dialog.close());
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

/** Rows of a definition list; pairs without a value are left out. */
export function fillFacts(list, pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  list.replaceChildren(...rows.flatMap(([name, value, kind]) => [
    make("dt", {}, name),
    make("dd", { className: kind ?? "" }, String(value)),
  ]));
}
