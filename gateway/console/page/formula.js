// Mathematics as MathML, by a library that is loaded with the first formula. A formula with a command
// that is not listed here stays as the model wrote it: many commands hide, move, overlay or colour
// digits.

import { byId, make } from "./dom.js";

const LONGEST = 1000;
const COMMANDS = new Set(`
  frac dfrac tfrac sqrt binom text textrm textbf textit mathrm mathbf mathit mathsf operatorname
  times cdot div pm mp ast star circ bullet approx sim simeq cong equiv propto doteq
  le leq leqslant ge geq geqslant lt gt ne neq ll gg
  sum prod int iint iiint oint partial nabla infty lim log ln lg exp sin cos tan cot min max
  left right big Big bigg Bigg bigl bigr Bigl Bigr mid vert Vert lvert rvert langle rangle
  lfloor rfloor lceil rceil quad qquad displaystyle textstyle limits
  to gets mapsto rightarrow leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow uparrow
  downarrow longrightarrow longleftarrow rightleftharpoons implies iff
  overline underline bar hat vec dot ddot tilde overset underset stackrel underbrace overbrace
  in notin ni subset subseteq cup cap emptyset forall exists neg land lor wedge vee
  dots ldots cdots vdots ddots therefore because angle perp parallel prime degree ell hbar
  alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi
  rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi
  Psi Omega begin end`.trim().split(/\s+/));
const ENVIRONMENTS = new Set(["align", "align*", "aligned", "array", "bmatrix", "cases", "equation",
  "equation*", "gather", "gathered", "matrix", "pmatrix", "split", "vmatrix"]);
const COMMAND = /\\(?:([a-zA-Z]+)|[^])/g;
const SYMBOLS = new Set([..." ,:;{}|%$&#_\\"].map((symbol) => `\\${symbol}`));
const ENVIRONMENT = /\\(?:begin|end) *\{([^}]*)\}/g;
const MOVED_LINE = /\\\\\s*\*?\s*\[/; // a line break with a distance, which may be negative
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/; // reverses digits
const ESCAPED = /\\[^]/g; // also a line break, which is two backslashes
const ABOUT = "~"; // in medicine, and a space in TeX
const COMMENT = /(\\[^])|%/g; // the rest of a line in TeX, "per cent" everywhere else

let loading = null;

/** Load the library once; resolves when it is loaded, or has failed to load. */
function load() {
  loading ??= new Promise((resolve) => {
    const script = byId("mathematics").content.cloneNode(true).querySelector("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", resolve);
    document.head.append(script);
  });
  return loading;
}

/** Return an element with the formula, or with its source until the library is loaded. */
export function formula(source, tex, isDisplay) {
  const element = make("span", { className: isDisplay ? "formula display" : "formula" }, source);
  if (tex.length > LONGEST || !isPlain(tex)) return element;
  if (globalThis.temml) render(element, source, tex, isDisplay);
  else load().then(() => render(element, source, tex, isDisplay));
  return element;
}

/** Whether all that a formula contains is known to show its digits as they are. */
function isPlain(tex) {
  const isKnown = ([symbol, name]) => (name ? COMMANDS.has(name) : SYMBOLS.has(symbol));
  return [...tex.matchAll(COMMAND)].every(isKnown)
    && [...tex.matchAll(ENVIRONMENT)].every(([, name]) => ENVIRONMENTS.has(name))
    && !MOVED_LINE.test(tex) && !DIRECTION.test(tex)
    && !tex.replace(ESCAPED, "").includes(ABOUT);
}

function render(element, source, tex, isDisplay) {
  try {
    temml.render(tex.replace(COMMENT, (found, escaped) => escaped ?? "\\%"), element, {
      displayMode: isDisplay, throwOnError: true, strict: false, maxSize: [2, 2], maxExpand: 100,
    });
  } catch {
    element.replaceChildren(source);
  }
}
