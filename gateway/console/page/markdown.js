// The Markdown that models write, as elements made by hand. Nothing is loaded, nothing is linked,
// and nothing that could carry a meaning in medicine is swallowed: "> 38.5" and "~5 ml" are no
// markup here, a list keeps the numbers it was given, and what is not understood stays as it is.

import { make } from "./dom.js";
import { formula } from "./formula.js";

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/; // "```5 mg``` daily" is code in a line
const LANGUAGE = /^(?:[a-zA-Z][\w+#.-]*)?$/; // of a fence
const HEADING = /^ {0,3}(#{1,6}) +(.*)$/;
const ITEM = /^( *)(?:([-*•])|(\d{1,9})[.)]) +(\S.*)$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const ROW = /^ *\|/;
const DIVIDER = /^[\s|:-]+$/;
const UNDECIDED = /^[\s|:-]*$/; // the second line of what may become a table
const FORMULA = /^ *(\$\$|\\\[)/;
const MOST_LINES = 50; // of a formula
// No answer is formatted beyond these: a model may repeat one character without end.
const MOST_COLUMNS = 100;
const MOST_FORMATTED = 10_000;

/** The text as a list of block elements; a text that `grows` may end within a table's first lines. */
export function blocks(text, grows = false) {
  const lines = text.split("\n");
  const made = [];
  for (let at = 0; at < lines.length;) {
    const [element, next] = grows && begins(lines, at) ? table(lines, at) : block(lines, at);
    if (element) made.push(Object.assign(element, { dir: "auto" }));
    at = next;
  }
  return made;
}

function block(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fenced(lines, at);
  if (RULE.test(line)) return [make("hr"), at + 1];
  const heading = HEADING.exec(line);
  if (heading) return [make(heading[1].length < 3 ? "h3" : "h4", {}, ...inline(unclosed(heading[2]))), at + 1];
  if (isTable(lines, at)) return table(lines, at);
  if (FORMULA.test(line)) return displayed(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  return paragraph(lines, at);
}

/** A heading's text without the marks at its end: "Head ##". */
function unclosed(text) {
  const whole = text.trimEnd();
  let end = whole.length;
  while (whole[end - 1] === "#") end -= 1;
  return end < whole.length && (end === 0 || whole[end - 1] === " ") ? whole.slice(0, end).trimEnd() : whole;
}

const cellsOf = (line) =>
  line.trim().slice(1).replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
const isRow = (line = "") => ROW.test(line) && line.trim().length > 1;
const isNarrow = (line) => cellsOf(line).length <= MOST_COLUMNS;

const isTable = (lines, at) =>
  isRow(lines[at]) && isRow(lines[at + 1]) && DIVIDER.test(lines[at + 1])
    && lines[at + 1].includes("-") && /\| *$/.test(lines[at]) && isNarrow(lines[at]);

/** Whether the text ends before it is known that these lines are a table. */
const begins = (lines, at) =>
  ROW.test(lines[at]) && lines.length <= at + 2 && UNDECIDED.test(lines[at + 1] ?? "") && isNarrow(lines[at]);

const isPlain = (lines, at) => {
  const line = lines[at];
  return line.trim() && !FENCE.test(line) && !RULE.test(line) && !HEADING.test(line)
    && !ITEM.test(line) && !isTable(lines, at) && !FORMULA.test(line);
};

/** A formula on lines of its own; as a paragraph where its end is missing. */
function displayed(lines, at) {
  const mark = FORMULA.exec(lines[at])[1];
  const close = mark === "$$" ? "$$" : "\\]";
  const opened = lines[at].trim().slice(2);
  const taken = [opened];
  for (let end = at; end < lines.length && end < at + MOST_LINES; end += 1) {
    const line = end === at ? opened : lines[end];
    if (end > at) taken.push(line);
    if (!line.includes(close)) continue;
    const whole = taken.join("\n").trimEnd();
    if (!whole.endsWith(close)) break; // a sentence goes on behind it
    const source = lines.slice(at, end + 1).join("\n");
    return [make("p", {}, formula(source, whole.slice(0, -2), true)), end + 1];
  }
  return paragraph(lines, at);
}

function fenced(lines, at) {
  const [opened, mark] = FENCE.exec(lines[at]);
  const named = lines[at].slice(opened.length).trim();
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end += 1;
  const shown = [...(LANGUAGE.test(named) ? [] : [named]), ...lines.slice(at + 1, end)];
  const behind = lines[end]?.trim().replace(mark[0] === "`" ? /^`+/ : /^~+/, "").trim();
  if (behind) lines[end] = behind; // a model's sentence behind the closing marks is the next block
  return [make("pre", { tabIndex: 0 }, make("code", {}, shown.join("\n"))), behind ? end : end + 1];
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && isPlain(lines, end)) end += 1;
  const element = make("p");
  lines.slice(at, end).forEach((line, index) => {
    if (index) element.append(make("br"));
    element.append(...inline(line.trim()));
  });
  return [element, end];
}

function table(lines, at) {
  let end = at + 2;
  while (end < lines.length && ROW.test(lines[end])) end += 1;
  const cells = (line) => cellsOf(line).slice(0, MOST_COLUMNS);
  const rows = lines.slice(at + 2, end).filter(isRow);
  const row = (line, tag) => make("tr", {}, ...cells(line).map((cell) => make(tag, {}, ...inline(cell))));
  const body = make("tbody", {}, ...rows.map((line) => row(line, "td")));
  const whole = make("table", {}, make("thead", {}, row(lines[at], "th")), body);
  return [make("div", { className: "table", tabIndex: 0, role: "group", "aria-label": "Table" }, whole), end];
}

function list(lines, at) {
  const depth = ITEM.exec(lines[at])[1].length;
  const isNumbered = ITEM.exec(lines[at])[3] !== undefined;
  const element = make(isNumbered ? "ol" : "ul");
  let item = null;
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (found && found[1].length > depth + 1 && item) {
      const [inner, next] = list(lines, at);
      item.append(inner);
      at = next;
    } else if (found && found[1].length >= depth && (found[3] !== undefined) === isNumbered) {
      item = make("li", isNumbered ? { value: Number(found[3]) } : {}, ...inline(found[4]));
      element.append(item);
      at += 1;
    } else if (!found && lines[at].trim() && lines[at].startsWith(" ".repeat(depth + 2)) && item) {
      item.append(make("br"), ...inline(lines[at].trim()));
      at += 1;
    } else if (!lines[at].trim() && continues(lines, at + 1, depth, isNumbered)) {
      at += 1;
    } else break;
  }
  return [element, at];
}

function continues(lines, at, depth, isNumbered) {
  const found = ITEM.exec(lines[at] ?? "");
  return found && found[1].length >= depth
    && (found[1].length > depth + 1 || (found[3] !== undefined) === isNumbered);
}

// An asterisk opens only before a word and after a space or bracket: 2*3*4 and "HLA-B*57" are none.
// A dollar opens a formula only where something in it is one: "$5 and $10" are none.
const INLINE = new RegExp([
  String.raw`\\\((?<round>.{1,1000}?)\\\)`,
  String.raw`\\\[(?<square>.{1,1000}?)\\\]`,
  String.raw`\$\$(?<dollars>[^$]{1,1000})\$\$`,
  String.raw`(?<![\\$\w])\$(?=[^\s$])(?=[^$]{0,300}[\\^_=]|[a-zA-Z]\$)(?<dollar>[^$]{1,300})(?<=\S)\$(?![\w$])`,
  String.raw`(?<!\`)(?<code>\`{1,9})(?!\`)(?<codeText>.{1,2000}?)(?<!\`)\k<code>(?!\`)`,
  String.raw`!\[(?<alt>[^\]\n]{0,300})\]\((?<image>[^()\s]{1,2000})\)`,
  String.raw`\[(?<label>[^\]\n]{1,300})\]\((?<link>[^()\s]{1,2000})\)`,
  String.raw`\*\*\*(?=\S)(?<both>[^*\n]{1,2000}?)(?<=\S)\*\*\*`,
  String.raw`\*\*(?=\S)(?<strong>(?:[^*]|\*(?!\*)){1,2000}?)(?<=\S)\*\*`,
  String.raw`(?<![\w*])\*(?=[^\s*])(?<em>[^*\n]{1,2000}?)(?<=[^\s*])\*(?![\w*])`,
].join("|"), "g");

/** The nodes of one line: text, code, strong, em; links and images as text with their address. */
export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.slice(0, MOST_FORMATTED).matchAll(INLINE)) {
    if (found.index > at) nodes.push(plain(text.slice(at, found.index)));
    nodes.push(...marked(found.groups, found[0]));
    at = found.index + found[0].length;
  }
  if (at < text.length) nodes.push(plain(text.slice(at)));
  return nodes;
}

const plain = (text) => text.replace(/\\([\\`*_[\]#|])/g, "$1");
const shown = (target) => make("span", { className: "address" }, ` (${target})`);

function marked({ round, square, dollars, dollar, codeText, alt, image, label, link, both, strong, em }, source) {
  const tex = round ?? square ?? dollars ?? dollar;
  if (tex !== undefined) return [formula(source, tex, (square ?? dollars) !== undefined)];
  if (codeText !== undefined) return [make("code", {}, codeText)];
  if (image !== undefined) return [`${alt} [image, not loaded]`, shown(image)];
  if (link !== undefined) return [...inline(label), shown(link)];
  if (both !== undefined) return [make("strong", {}, make("em", {}, ...inline(both)))];
  if (strong !== undefined) return [make("strong", {}, ...inline(strong))];
  return [make("em", {}, ...inline(em))];
}
