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

/** Make these an element's children, touching what differs only: the time for a long text, a
 * selection in it and the scrolled table stay. */
export function update(element, children) {
  const shown = [...element.childNodes];
  for (const [at, child] of children.entries()) {
    const old = shown[at];
    if (!old) element.append(child);
    else if (old.isEqualNode(child)) continue;
    else if (isAlike(old, child)) update(old, [...child.childNodes]);
    else old.replaceWith(child);
  }
  for (const old of shown.slice(children.length)) old.remove();
}

/** Whether elements differ in their children alone; a formula that waits for its library has none. */
const isAlike = (old, child) =>
  Boolean(old.firstElementChild) && old.cloneNode(false).isEqualNode(child.cloneNode(false));

/** Say something to a screen reader without moving anything on the screen. */
export function announce(sentence) {
  byId("announce").textContent = sentence;
}

/** Put a text on the clipboard; also where the page came over plain http, as in a ward's network. */
export const copy = (text, button) => put({ "text/plain": text }, button);

/** The same, with an element's markup for programs that take formatted text. */
export const copyRich = (element, text, button) => put({ "text/html": element.outerHTML, "text/plain": text }, button);

async function put(contents, button) {
  const before = button.textContent;
  button.textContent = (await copied(contents)) ? "Copied" : "Could not copy";
  announce(button.textContent);
  setTimeout(() => { button.textContent = before; }, 1600);
}

async function copied(contents) {
  try {
    const blobs = Object.entries(contents).map(([type, text]) => [type, new Blob([text], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
    return true;
  } catch {
    return copiedTheOldWay(contents);
  }
}

/** The same without the clipboard's interface, which plain http has not. */
function copiedTheOldWay(contents) {
  const fill = (event) => {
    event.preventDefault();
    for (const [type, text] of Object.entries(contents)) event.clipboardData.setData(type, text);
  };
  document.addEventListener("copy", fill, { once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", fill);
  return done;
}

/** Give a text to be kept as a file. */
export function save(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
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
