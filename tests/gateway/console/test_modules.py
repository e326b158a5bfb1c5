"""The console's modules that decide something: Markdown, and where an event ends."""

import json

import pytest
from playwright.async_api import Page

from tests.gateway.console.browser import ready
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKDOWN = (
    ("plain", "<p>plain</p>"),
    ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
    ("## Head ##", "<h3>Head</h3>"),
    ("#2 is not a heading", "<p>#2 is not a heading</p>"),
    ("**b** and *i* and `c*d*`", "<p><strong>b</strong> and <em>i</em> and <code>c*d*</code></p>"),
    ("***both***", "<p><strong><em>both</em></strong></p>"),
    ("HLA-B*57:01 and 2*3*4 and 5 * 3", "<p>HLA-B*57:01 and 2*3*4 and 5 * 3</p>"),
    ("snake_case_name", "<p>snake_case_name</p>"),
    ("> 38.5 °C", "<p>&gt; 38.5 °C</p>"),
    ("~~5 ml~~", "<p>~~5 ml~~</p>"),
    ("-5 mmol/l", "<p>-5 mmol/l</p>"),
    ("+ 2", "<p>+ 2</p>"),
    ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
    ("3. a\n7. b", '<ol><li value="3">a</li><li value="7">b</li></ol>'),
    ("1. a\n\n2. b", '<ol><li value="1">a</li><li value="2">b</li></ol>'),
    ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("- a\n\ntext", "<ul><li>a</li></ul><p>text</p>"),
    ("```py\na < b\n```\nc", '<pre tabindex="0"><code>a &lt; b</code></pre><p>c</p>'),
    ("```\nnever closed", '<pre tabindex="0"><code>never closed</code></pre>'),
    ("---", "<hr>"),
    ("[x](http://a)", '<p>x<span class="address"> (http://a)</span></p>'),
    ("![x](http://a)", '<p>x [image, not loaded]<span class="address"> (http://a)</span></p>'),
    ("<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>"),
    ("a \\* b", "<p>a * b</p>"),
    ("an *open **mark", "<p>an *open **mark</p>"),
    (
        "|a|b|\n|-|-|\n|c|d|",
        '<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
        "<th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table></div>",
    ),
    ("|a|b", "<p>|a|b</p>"),
    ("# a #b ###  ", "<h3>a #b</h3>"),
    ("# ##", "<h3></h3>"),
    ("## C#", "<h3>C#</h3>"),
    ("`` a`b ``", "<p><code> a`b </code></p>"),
    ("", ""),
)
RENDER = """async text => {
  const { blocks } = await import(new URL("console/markdown.js", document.baseURI));
  return blocks(text).map(one => one.outerHTML).join("");
}"""
FEED = """async pieces => {
  const { Events } = await import(new URL("console/events.js", document.baseURI));
  const events = new Events();
  return pieces.flatMap(piece => events.feed(piece));
}"""
STREAM = ': ping\r\n\r\ndata: {"a": 1}\n\ndata:x\rdata: y\r\revent: z\n\ndata: [DONE]\n\n'
EVENTS = ['{"a": 1}', "x\ny", "[DONE]"]


HOSTILE = {
    "many columns": "|" * 100_000 + "\n|-|\n|a|",
    "a heading and blanks": "# a" + " " * 100_000 + "b",
    "marks of a heading": "# a" + " #" * 50_000 + "b",
    "a divider that is none": "|a|\n|" + "-" * 100_000 + "x|",
    "backticks": "a" + "`" * 100_000,
    "pairs of backticks": "` `` " * 20_000,
    "asterisks": "a" + "*" * 100_000,
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


async def test_no_text_makes_it_slow(page: Page) -> None:
    """Render long runs of any mark in a frame or two, not in minutes."""
    await ready(page)
    for mark in ("*", "**a", "`", "[", "![", "|", "#", "- ", "1. ", "  - a\n", "|-|\n", "\\"):
        took = await page.evaluate(
            "async text => { const begun = performance.now();"
            f" await ({RENDER})(text); return performance.now() - begun }}",
            mark * 5000,
        )
        assert took < PATIENCE_S * 1000, (mark, took)


async def test_events_survive_every_cut(page: Page) -> None:
    """The same events come out wherever the network splits the stream."""
    await ready(page)
    for cut in range(len(STREAM) + 1):
        assert await page.evaluate(FEED, [STREAM[:cut], STREAM[cut:]]) == EVENTS, cut
    assert await page.evaluate(FEED, list(json.loads(json.dumps(STREAM)))) == EVENTS
