"""The console's modules that decide something: Markdown, and where an event ends."""

import pytest
from playwright.async_api import Page

from tests.gateway.console.browser import ready

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TABLE = (
    '<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
    "<th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td></tr></tbody></table></div>"
)
PRE = '<pre tabindex="0"><code>{}</code></pre>'
MARKDOWN = (
    ("plain", "<p>plain</p>"),
    ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
    ("## Head ##", "<h3>Head</h3>"),
    ("#2 is not a heading", "<p>#2 is not a heading</p>"),
    ("**b** and *i* and `c*d*`", "<p><strong>b</strong> and <em>i</em> and <code>c*d*</code></p>"),
    ("***both***", "<p><strong><em>both</em></strong></p>"),
    ("HLA-B*57:01 and 2*3*4 and 5 * 3", "<p>HLA-B*57:01 and 2*3*4 and 5 * 3</p>"),
    ("> 38.5 °C", "<p>&gt; 38.5 °C</p>"),
    ("-5 mmol/l", "<p>-5 mmol/l</p>"),
    ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
    ("3. a\n7. b", '<ol><li value="3">a</li><li value="7">b</li></ol>'),
    ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("- a\n\ntext", "<ul><li>a</li></ul><p>text</p>"),
    ("```py\na < b\n```\nc", '<pre tabindex="0"><code>a &lt; b</code></pre><p>c</p>'),
    ("```\nnever closed", '<pre tabindex="0"><code>never closed</code></pre>'),
    ("```5 mg``` a day", "<p><code>5 mg</code> a day</p>"),
    ("```py\na\n``` Not *b*.", PRE.format("a") + "<p>Not <em>b</em>.</p>"),
    ("~~~ 5 ml\na\n~~~", PRE.format("5 ml\na")),
    ("---", "<hr>"),
    ("[x](http://a)", '<p>x<span class="address"> (http://a)</span></p>'),
    ("![x](http://a)", '<p>x [image, not loaded]<span class="address"> (http://a)</span></p>'),
    ("<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>"),
    ("a \\* b", "<p>a * b</p>"),
    ("an *open **mark", "<p>an *open **mark</p>"),
    ("|a|b|\n|-|-|\n|c|d|", TABLE.replace("<td>c</td>", "<td>c</td><td>d</td>")),
    ("## C#", "<h3>C#</h3>"),
    ("`` a`b ``", "<p><code> a`b </code></p>"),
    ("|a|b|\n|-|-|\n|c", TABLE),  # cut
    ("costs $5 and $10, or $a", "<p>costs $5 and $10, or $a</p>"),
    (r"\(5 ~ 6\)", r'<p><span class="formula">\(5 ~ 6\)</span></p>'),  # "about", in TeX a space
    (r"$\phantom{1}5$", r'<p><span class="formula">$\phantom{1}5$</span></p>'),
)
FORMULAS = {
    "$x^2$": "msup",
    r"\(\frac{1}{2}\)": "mfrac",
    "\\[\na_1\n\\]": "msub",
    "so $$x_1$$ it is": "msub",
    r"$5 % of x_1$": "msub",
    r"$x_1 \\% of 5$": "msub",  # behind a line break
    r"$\text{dose} = \frac{5\,\text{mg}}{\text{kg}} \times 70_{\mathrm{kg}}$": "mfrac",
    r"$\left[\mathrm{Na}^+\right] \geq 145$": "msup",
    r"$\begin{cases} x_1 & a \\ y & b \end{cases}$": "msub",
    r"$\Delta G^{\circ} \approx -5.2 \pm 0.3$": "msup",
}
# Commands that hide, move, repeat, reverse or overlay digits; each formula stays as it is.
HIDING = (
    *(r"$\label{not}x_1$", r"$\eqref{not}x_1$", r"$\mathchoice{5}{50}{500}{5000}_1$"),
    *(r"$\TextOrMath{5}{50}_1$", r"$\@secondoftwo{5}{50}_1$", r"$\@ifnextchar x{5}{50}_1$"),
    *(r"$5_1\hskip-3em 6$", r"$5_1\mskip-50mu 6$", r"$5_1\tmspace{-3em}{}6$"),
    *(r"$5\!\!\!\!6_1$", r"$5\!{}\!{}\!6_1$", r"$5\negthickspace6_1$"),
    *(r"$5_1\raisebox{2em}{6}$", r"$\reflectbox{25}_1$", r"$x_1\rule{2em}{2em}$"),
    *(r"$\scriptscriptstyle 5_1$", r"$x_1\\~5$", r"$5_1\!6$", r"$5_1\hspace{-2em}6$"),
    *(r"$\char`5_1$", r'$\char"202E 51_1$', "$5\u202e6_1$", r"$\ref{a}_1$", r"$\phantom{0}5_1$"),
    *(r"$\@firstoftwo{5}{50}_1$", r"$\begin{subarray}{c}5_1\end{subarray}$", r"$\not5_1$"),
    *(r"$\begin{aligned}5_1\\[-3em]6\end{aligned}$", r"$\color{white}5_1$", r"$5_1\llap{6}$"),
    *(r"$\def\a{6}5_1\a$", r"$\begin{array}{c@{\hskip-3em}c}5_1&6\end{array}$"),
)
RENDER = """async text => {
  const { blocks } = await import(new URL("console/markdown.js", document.baseURI));
  return blocks(text).map(one => one.outerHTML.replace(' dir="auto"', "")).join("");
}"""
# The text of a formula's element, once the library has been loaded.
TYPESET = """async ([text, name]) => {
  const { blocks } = await import(new URL("console/markdown.js", document.baseURI));
  const made = document.createElement("div");
  made.append(...blocks(text));
  while (!globalThis.temml) await new Promise(next => setTimeout(next, 20));
  await new Promise(next => setTimeout(next, 20));
  const element = made.querySelector(name);
  return (element?.closest("math") ?? element)?.textContent ?? null;
}"""


HOSTILE = {
    "many columns": "|" * 100_000 + "\n|-|\n|a|",
    "formulas that never end": "\\\\( $a_ " * 20_000,
    "a divider that is none": "|a|\n|" + "-" * 100_000 + "x|",
    "backticks": "a" + "`" * 100_000,
    "pairs of backticks": "` `` " * 20_000,
    "open stars": "*a " * 30_000,
    "open brackets": "[" * 100_000,
    "a rule that is none": "- " * 50_000 + "x",
}
# The time it takes, and how much is shown.
TIMED = """async text => {
  const { blocks } = await import(new URL("console/markdown.js", document.baseURI));
  const started = performance.now();
  const shown = blocks(text).map(one => one.textContent).join("\\n");
  return [performance.now() - started, shown.length];
}"""


@pytest.mark.parametrize("name", HOSTILE)
async def test_markdown_is_linear(page: Page, name: str) -> None:
    """Four times the text takes about four times the time, with room for a busy machine."""
    text = HOSTILE[name]
    quarter, _ = await page.evaluate(TIMED, text[: len(text) // 4])
    whole, shown = await page.evaluate(TIMED, text)

    assert whole < 10 * quarter + 500
    assert shown > 0


async def test_markdown(page: Page) -> None:
    """Mark up what is understood; leave what could mean something else as it is."""
    await ready(page)
    for text, expected in MARKDOWN:
        assert await page.evaluate(RENDER, text) == expected, text


async def test_formulas_are_mathematics(page: Page) -> None:
    """Nothing of one is lost: TeX takes what follows a per cent sign for a comment."""
    for text, element in FORMULAS.items():
        made = await page.evaluate(TYPESET, [text, element])
        assert made is not None, text
        if "%" in text:
            assert "%of" in made.replace("\u00a0", "").replace(" ", "")
    assert await page.evaluate(TYPESET, [r"$\nonsense_1$", "span"]) == r"$\nonsense_1$"
    for text in HIDING:
        assert await page.evaluate(TYPESET, [f"{text} $x_1$", "span"]) == text
