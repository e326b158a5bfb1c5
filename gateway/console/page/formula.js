// Mathematics as MathML, by a library that is loaded with the first formula. A formula that it does
// not know, or that could hide a part of itself, stays as the model wrote it.

import { byId, make } from "./dom.js";

const LONGEST = 1000;
// Commands that colour, move, overlap or hide, define others, or lead elsewhere.
const HIDING = /\\(?:[a-zA-Z]*phantom|[a-zA-Z]*color(?:box)?|[a-zA-Z]*lap|smash|raise(?:box)?|lower|[hmv]?s?kern|[hmv]space|[hmv]skip|tmspace|neg[a-z]+space|rule|reflectbox|scriptscriptstyle|label|(?:eq)?ref|mathchoice|TextOrMath|[a-zA-Z]*def|let|futurelet|(?:re)?new[a-zA-Z]*|providecommand|href|url|includegraphics|class|id|style|data|tiny|scriptsize)(?![a-zA-Z])|\\[a-zA-Z]*@/;
const TIGHT = /(?:\\![^!]*){3}/; // each moves what follows a third of a digit to the left
const ESCAPED = /\\[^]/g; // also a line break, which is two backslashes
const ABOUT = "~"; // in medicine, and a space in TeX
const COMMENT = /(\\[^])|%/g; // the rest of a line in TeX, "per cent" everywhere else

let loading = null;

/** Load the library once; resolves when it is there, or cannot be had. */
function load() {
  loading ??= new Promise((resolve) => {
    const script = byId("mathematics").content.cloneNode(true).querySelector("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", resolve);
    document.head.append(script);
  });
  return loading;
}

/** An element with the formula; its source, until the library is there or where it knows none. */
export function formula(source, tex, isDisplay) {
  const element = make("span", { className: isDisplay ? "formula display" : "formula" }, source);
  if (tex.length > LONGEST || isHiding(tex)) return element;
  if (globalThis.temml) render(element, source, tex, isDisplay);
  else load().then(() => render(element, source, tex, isDisplay));
  return element;
}

const isHiding = (tex) =>
  HIDING.test(tex) || TIGHT.test(tex) || tex.replace(ESCAPED, "").includes(ABOUT);

function render(element, source, tex, isDisplay) {
  try {
    temml.render(tex.replace(COMMENT, (found, escaped) => escaped ?? "\\%"), element, {
      displayMode: isDisplay, throwOnError: true, strict: false, maxSize: [2, 2], maxExpand: 100,
    });
  } catch {
    element.replaceChildren(source);
  }
}
