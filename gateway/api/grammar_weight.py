"""The cost of a grammar to the engine: of compiling it once, and of each token under it.

One unit is 7 ms of processor time of xgrammar 0.2.9 with a vocabulary of 200,000 tokens. Counts
multiply what they repeat; what matches letters and spaces costs four times a letter. Where many
parts of a pattern may be left out, each may follow each: their number counts squared. Of a tool of
gpt-oss 65 ms are three units: one compiles faster than its processors' time, and only once.

A pattern of a JSON schema costs nothing more after that. One that stands alone is tried on the
vocabulary before each token, for all requests together: `(.?.?.?)*` takes 12 s a token. What makes
it slow is a choice between ways to go on, at a place where most tokens fit; it is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from gateway.api.lone_pattern import (
    CLASS,
    COUNT,
    FEW_LETTERS,
    WIDE_ESCAPES,
    WORD,
    can_stall,
    letters_in,
    ranges_of,
)
from gateway.runtime.json_types import Json

PATTERN = 1  # each one, whatever it says
WIDE = 4  # one character out of letters and spaces
LONGEST = 8192  # characters of a pattern that is read at all
TOOL = 3  # one that the engine compiles: vLLM writes it twelve times for gpt-oss
OTHER_TOOL = 1  # beside such a one
TOOL_NAMES = 12  # as often their letters
OPTIONAL = 220  # properties may each be left out, so their square counts: 100 take 0.3 s
COUNTED = 40  # the same where their number has bounds: 80 take 0.5 s
WIDE_OPTIONAL = 3  # parts of a pattern that match most characters, beside one for others
PARTS = 12  # objects in a unit
LETTERS = 1000  # in a unit; no description is compiled
BRANCHES = 25  # groups and repetitions in a unit: many alternatives with one compile slowly
RANGE = 6  # parts to a bound of a number, for every twenty digits
STALLING = 1000  # what makes each token take 10 ms to seconds; a limit has to be raised for it
HEAVIEST = 10**9  # nothing is multiplied beyond
RANGES = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
COUNTS = frozenset(("minProperties", "maxProperties"))
LITERALS = frozenset(("enum", "const", "choice"))
PROSE = frozenset(("description", "title"))
FORMAT_WEIGHTS = {
    "email": 10,
    "hostname": 3,
    "json-pointer": 4,
    "relative-json-pointer": 4,
    "uri": 8,
    "uri-reference": 10,
    "uri-template": 36,
}
TEXTS = ("pattern", "regex", "whitespace_pattern")
ALONE = ("regex", "whitespace_pattern")  # not between the quotes of a JSON text
UNBOUNDED = ("grammar", "structural_tag")
FREE = ("auto", "none")
FORMATS = ("response_format", "structured_outputs", "text", "output_config")
COMPILED = frozenset((*FORMATS, "tools"))  # fields of which the engine may compile something


@dataclass(slots=True)
class Group:
    """A part of a pattern: its size, which a count multiplies, and its weight so far."""

    size: int = 0
    weight: int = 0

    def add(self, part: "Group") -> None:
        self.size = min(self.size + part.size, HEAVIEST)
        self.weight = min(self.weight + part.weight, HEAVIEST)

    def times(self, count: int) -> "Group":
        """The group repeated; all of it costs, however little it weighed alone."""
        size = min(max(self.size, 1) * count, HEAVIEST)
        return Group(size, max(size, self.weight))


@dataclass(slots=True)
class Tally:
    """Counts over a whole format of small parts, which weigh by the dozen."""

    parts: int = 0
    letters: int = 0

    def add(self, holder: Json) -> None:
        self.parts += 1 + sum(parts_of_bound(holder[name]) for name in RANGES & holder.keys())
        self.letters += sum(len(name) + letters_of(name, holder[name]) for name in holder)

    def weight(self) -> int:
        return self.parts // PARTS + self.letters // LETTERS


LETTER = Group(1, 0)
ANY = Group(WIDE, WIDE)


def weight_of_request(request: Json, most: int) -> int:
    """Return the weight of all that the engine compiles of a request, or as much as is over."""
    total = STALLING if is_stalling(request) else 0
    for weight in weights_of_request(request):
        if total > most:
            break
        total += weight
    return total


def is_stalling(request: Json) -> bool:
    """Return whether a format makes each token slow, as a grammar may."""
    outputs, text = as_object(request.get("structured_outputs")), as_object(request.get("text"))
    formats = (as_object(request.get("response_format")), as_object(text.get("format")))
    alone = (outputs.get(name) for name in ALONE)
    return (
        any(outputs.get(name) is not None for name in UNBOUNDED)
        or any(each.get("type") == "structural_tag" for each in formats)
        or any(isinstance(pattern, str) and can_stall(pattern) for pattern in alone)
    )


def as_object(value: object) -> Json:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def weights_of_request(request: Json) -> Iterator[int]:
    """Yield the weights of its formats and tools, little by little."""
    for name in FORMATS:
        yield from weights(request.get(name))
    tools = [*tools_in(request.get("tools"))]
    is_forced = is_forcing(request.get("tool_choice"))
    compiled = [tool for tool in tools if is_forced or is_compiled(tool)]
    if compiled:
        names = sum(map(length_of_name, tools))
        yield OTHER_TOOL * (len(tools) - len(compiled)) + TOOL_NAMES * names // LETTERS
    for tool in compiled:
        yield TOOL
        yield from weights(tool)


def length_of_name(tool: Json) -> int:
    name = tool.get("name", as_object(tool.get("function")).get("name"))
    return len(name) if isinstance(name, str) else 0


def tools_in(tools: object) -> Iterator[Json]:
    """Yield tools, those in a namespace, too."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield tool
            yield from tools_in(tool.get("tools"))


def is_forcing(choice: object) -> bool:
    """Return whether the model has to call a tool, so that all their schemas are compiled."""
    said = choice.get("type") if isinstance(choice, dict) else choice
    return said is not None and said not in FREE


def is_compiled(tool: Json) -> bool:
    """Return whether the engine compiles a tool that the model may call or not."""
    return bool(tool.get("strict") or as_object(tool.get("function")).get("strict"))


def weights(value: object) -> Iterator[int]:
    """Yield the weight of each keyword below a value, and of what is small alone by the dozen."""
    tally, waiting, small = Tally(), [value], 0
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, list):
            waiting += holder
        elif isinstance(holder, dict):
            tally.add(holder)
            yield weight_of_properties(holder) + tally.weight() - small
            small = tally.weight()
            yield from map(weight_of_pattern, as_object(holder.get("patternProperties")))
            for name, item in holder.items():
                yield weight_of_field(name, item)
                waiting.append(parsed(item) if name == "json" else item)


def weight_of_properties(holder: Json) -> int:
    """Return the weight of an object's properties: each may follow each."""
    properties = holder.get("properties")
    number = len(properties) if isinstance(properties, dict) else 0
    return number * number // (OPTIONAL if COUNTS.isdisjoint(holder) else COUNTED)


def weight_of_field(name: str, item: object) -> int:
    """Return the weight of one keyword; 0 for others."""
    if name in TEXTS and isinstance(item, str):
        return weight_of_pattern(item)
    if name == "format" and isinstance(item, str):
        return FORMAT_WEIGHTS.get(item, 2)
    return 0


def letters_of(name: str, item: object) -> int:
    """Return how many characters of a field are compiled, below it only where it is a literal."""
    if name in LITERALS:
        return len(orjson.dumps(item))
    return len(item) if isinstance(item, str) and name not in PROSE else 0


def parts_of_bound(item: object) -> int:
    """Return how many parts a bound of a number weighs."""
    digits = len(f"{item:.0f}") if isinstance(item, int | float) else 0
    return RANGE * (1 + digits // 20)


def parsed(item: object) -> object:
    """Return the JSON in a text; None where there is none."""
    if not isinstance(item, str):
        return item
    try:
        return orjson.loads(item)
    except orjson.JSONDecodeError:
        return None


def weight_of_pattern(pattern: str) -> int:
    """Return the weight of a regular expression, in one pass."""
    if len(pattern) > LONGEST:
        return HEAVIEST
    groups, atom, at = [Group()], Group(), 0
    optional = spread = 0
    while at < len(pattern):
        char = pattern[at]
        count = COUNT.match(pattern, at) if char == "{" else None
        if count is not None:
            atom, at = atom.times(highest(count)), count.end()
            continue
        if is_optional(pattern, at):
            optional += 1
            spread += WIDE_OPTIONAL if atom.size >= WIDE else 1
        groups[-1].add(atom)
        if char == "(":
            groups.append(Group())
            atom, at = Group(), at + (2 if pattern.startswith("?", at + 1) else 1)
        elif char == ")":
            atom, at = groups.pop() if len(groups) > 1 else Group(), at + 1
        else:
            atom, at = read_atom(pattern, at)
    groups[-1].add(atom)
    weight = sum(group.weight for group in groups) + optional * spread // 2
    branches = (pattern.count("+") + pattern.count("(")) // BRANCHES
    return PATTERN + min(weight + branches, HEAVIEST)


def is_optional(pattern: str, at: int) -> bool:
    """Return whether what stands before a place may be left out, or an alternative is empty."""
    if pattern[at] == "|":
        return pattern[at - 1 : at] in "(:|" or pattern[at + 1 : at + 2] in "|)"
    return pattern[at] in "*?"


def read_atom(pattern: str, at: int) -> tuple[Group, int]:
    """Return the class, escape or character at a place, and where it ends."""
    char = pattern[at]
    if word := WORD.match(pattern, at):
        return Group(len(word.group()), 0), word.end()
    if char == "[" and (match := CLASS.match(pattern, at)):
        return read_class(match.group()), match.end()
    if char == "\\":
        is_wide = pattern[at + 1 : at + 2] in WIDE_ESCAPES and at + 1 < len(pattern)
        return ANY if is_wide else LETTER, at + 2
    if char in "*+?|^$":
        return Group(), at + 1
    return ANY if char == "." else LETTER, at + 1


def read_class(text: str) -> Group:
    """Return a class: most tokens of a vocabulary are letters after a space."""
    ranges = ranges_of(text)
    has_letters = sum(map(letters_in, ranges)) > FEW_LETTERS
    return ANY if has_letters and any(ord(" ") in points for points in ranges) else Group(1, 1)


def highest(count: re.Match[str]) -> int:
    """Return the highest of the counts in braces."""
    return max(int(text) for text in (count[1], count[3], "1") if text)
