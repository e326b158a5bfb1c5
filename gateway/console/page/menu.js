// What is needed less often, behind "…": closed by Escape, by a choice, and by a click beside it.

import { make } from "./dom.js";

const opened = () => document.querySelector("details.menu[open]");

/** A folded list of buttons, opened by a button with this name. */
export function menu(name, ...buttons) {
  const summary = make("summary", { "aria-label": name }, "…");
  const sheet = make("div", { className: "sheet" }, ...buttons);
  const element = make("details", { className: "menu" }, summary, sheet);
  sheet.addEventListener("click", () => fold(element), { capture: true });
  return element;
}

/** Close it before a choice acts: a dialog gives the focus back to what had it. */
function fold(element) {
  element.open = false;
  element.querySelector("summary").focus();
}

document.addEventListener("click", ({ target }) => {
  const element = opened();
  if (element && !element.contains(target)) element.open = false;
});

/** Close the open menu; returns whether there was one. */
export function foldOpen() {
  const element = opened();
  if (element) fold(element);
  return element !== null;
}
