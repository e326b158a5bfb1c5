"""The cost of a grammar: how long the engine's compiler takes for the patterns in a request.

One unit is 7 ms of processor time of xgrammar 0.2.8 with a vocabulary of 200,000 tokens. Counts
multiply what they repeat; anything that matches most characters costs twelve times a letter. Where
many parts of a pattern may be left out, each may follow each: their number counts squared.

A length of a text would weigh twenty times what it does here: 30 ms a character, and 6 s from 129
on. It is in ordinary schemas, though, and no schema says the same for less; it is compiled beside
the work on other requests, and once for all texts of the same length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from gateway.runtime.json_types import Json

PATTERN = 1  # each one, whatever it says
WIDE = 12  # one character out of nearly all
UNROLLED = 128  # characters of a text up to which its length costs in proportion
LONGER = 200  # what any length beyond costs
CHARACTERS = 5  # in a unit
OPTIONAL = 220  # properties may each be left out, so their square counts: 100 take 0.3 s
COUNTED = 40  # the same where their number has bounds: 80 take 0.5 s
WIDE_OPTIONAL = 3  # parts of a pattern that match most characters, beside one for others
PARTS = 12  # objects in a unit
LETTERS = 1000  # in a unit; no description is compiled
BRANCHES = 25  # groups and repetitions in a unit: many alternatives with one compile slowly
RANGE = 6  # parts to a bound of a number, for every twenty digits
HEAVIEST = 10**9  # nothing is multiplied beyond
LENGTHS = ("minLength", "maxLength")
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
TEXTS = ("pattern", "regex", "grammar", "whitespace_pattern", "definition")
JSON_TEXTS = ("json", "structural_tag")
FORCED = ("required", "any")
FORMATS = ("response_format", "structured_outputs", "text", "output_config")
COMPILED = frozenset((*FORMATS, "tools"))  # fields of which the engine may compile something
COUNT = re.compile(r"\{\s{0,2}(\d{0,9})\s{0,2}(?:(,)\s{0,2}(\d{0,9})\s{0,2})?\}")
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*+\]?", re.DOTALL)
WIDE_CLASS = re.compile(r"\[\^|\\[DSWwpPu]|\\x|[^\x00-\x7f]-")
WIDE_ESCAPES = "DSWwpP"


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
    """Counts over a whole format: different lengths, and small parts by the dozen."""

    lengths: set[tuple[int, ...]] = field(default_factory=set)
    parts: int = 0
    letters: int = 0

    def add(self, holder: Json) -> None:
        self.lengths.add(tuple(length_of(holder.get(name)) for name in LENGTHS))
        self.parts += 1 + sum(parts_of_bound(holder[name]) for name in RANGES & holder.keys())
        self.letters += sum(len(name) + letters_of(name, holder[name]) for name in holder)

    def weight(self) -> int:
        longest = map(max, self.lengths)
        characters = sum(length if length <= UNROLLED else LONGER for length in longest)
        return characters // CHARACTERS + self.parts // PARTS + self.letters // LETTERS


LETTER = Group(1, 0)
ANY = Group(WIDE, WIDE)


def weight_of_request(request: Json) -> int:
    """Return the weight of all that the engine compiles of a request."""
    is_forced = is_forcing(request.get("tool_choice"))
    tools = request.get("tools")
    given = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    compiled: list[object] = [tool for tool in given if is_forced or is_compiled(tool)]
    return sum(map(weight_of, [*(request.get(name) for name in FORMATS), *compiled]))


def is_forcing(choice: object) -> bool:
    """Return whether the model has to call a tool, so that all their schemas are compiled."""
    return isinstance(choice, dict) or choice in FORCED


def is_compiled(tool: Json) -> bool:
    """Return whether the engine compiles a tool that the model may call or not."""
    function = tool.get("function")
    holders = (tool, function) if isinstance(function, dict) else (tool,)
    return any(holder.get("strict") or holder.get("format") for holder in holders)


def weight_of(value: object) -> int:
    """Return the weight of a format or a tool."""
    tally = Tally()
    return min(sum(weights(value, tally)) + tally.weight(), HEAVIEST)


def weights(value: object, tally: Tally) -> Iterator[int]:
    """Yield the weight of each keyword below a value; count what is small alone."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, list):
            waiting += holder
        elif isinstance(holder, dict):
            tally.add(holder)
            yield weight_of_properties(holder)
            for name, item in holder.items():
                yield weight_of_field(name, item)
                waiting.append(parsed(item) if name in JSON_TEXTS else item)


def weight_of_properties(holder: Json) -> int:
    """Return the weight of an object's properties: each may follow each."""
    properties = holder.get("properties")
    number = len(properties) if isinstance(properties, dict) else 0
    return number * number // (OPTIONAL if COUNTS.isdisjoint(holder) else COUNTED)


def weight_of_field(name: str, item: object) -> int:
    """Return the weight of one keyword; 0 for others."""
    if name in TEXTS and isinstance(item, str):
        return weight_of_pattern(item)
    if name == "patternProperties" and isinstance(item, dict):
        return sum(map(weight_of_pattern, item))
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


def length_of(item: object) -> int:
    """Return a length; 0 where it is none."""
    return int(min(max(item, 0), HEAVIEST)) if isinstance(item, int | float) else 0


def parsed(item: object) -> object:
    """Return the JSON in a text; None where there is none."""
    if not isinstance(item, str):
        return item
    try:
        return orjson.loads(item)
    except orjson.JSONDecodeError:
        return None


def weight_of_pattern(pattern: str) -> int:
    """Return the weight of a regular expression or a grammar, in one pass."""
    groups, atom, at = [Group()], Group(), 0
    optional, spread = pattern.count('""'), pattern.count('""')
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
    if char == "[" and (match := CLASS.match(pattern, at)):
        return ANY if WIDE_CLASS.search(match.group()) else Group(1, 1), match.end()
    if char == "\\":
        is_wide = pattern[at + 1 : at + 2] in WIDE_ESCAPES and at + 1 < len(pattern)
        return ANY if is_wide else LETTER, at + 2
    if char in "*+?|^$":
        return Group(), at + 1
    return ANY if char == "." else LETTER, at + 1


def highest(count: re.Match[str]) -> int:
    """Return the highest of the counts in braces."""
    return max(int(text) for text in (count[1], count[3], "1") if text)
