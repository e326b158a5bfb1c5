"""The evaluation report: estimates, page, signature, comparison, and what a site demands of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from assurance.evaluation import compare, explained, page, report, results
from assurance.evaluation.compare import NotComparable
from assurance.evaluation.items import Item
from assurance.evaluation.items import read as items_in
from assurance.evaluation.job import Task
from assurance.evaluation.report import SIGNATURE, UNKEYED
from assurance.evaluation.results import Record
from assurance.evaluation.suites import DEFAULT, OWN, sources
from assurance.reports.page import text_in
from assurance.reports.signature import ReportDamaged
from tests.assurance.evaluation.reports import KEY, TIME, content, record, run_of, signed

RULED = {"rule": {"kind": "dose", "value": 1, "unit": "mg"}}


def guessed(n: int, every: int) -> list[Record]:
    """Return answers to questions with four choices, one of `every` of them right."""
    return [
        record(
            *(number, float(number % every == 0)),
            suite="knowledge",
            group="medqa",
            task="knowledge-medqa",
            chance=0.25,
        )
        for number in range(n)
    ]


def test_each_group_has_its_interval() -> None:
    """Counted without what has no score; a language is a row of its own where there are several."""
    records = [
        record(1, 1.0),
        record(2, 0.0, language="de"),
        record(3, None, reason="failed"),
        record(4, 0.4, group="rubrics"),
    ]
    rows = {(group["group"], group["language"]): group for group in results.groups(records)}

    assert rows["doses", None]["scored"] == 2
    assert rows["doses", None]["items"] == 3
    assert rows["doses", None]["score"]["value"] == 0.5
    assert rows["doses", None]["reasons"] == {"failed": 1}
    assert rows["doses", "de"]["score"]["value"] == 0.0
    assert rows["rubrics", None]["score"]["method"] == "bootstrap 95 %"
    assert ("rubrics", "en") not in rows


@pytest.mark.parametrize(("every", "at_chance"), [(4, True), (1, False), (1000, False)])
def test_guessing_is_said_to_be_guessing(every: int, *, at_chance: bool) -> None:
    """Neither far above nor far below chance is called so."""
    document = content(guessed(40, every))

    assert document["groups"][0]["is_at_chance"] is at_chance
    assert ("from guessing at this size: medqa" in document["verdict"]) is at_chance
    assert ("score does not differ from it" in page.html(signed(document))) is at_chance


def test_an_unreadable_group_does_not_guess() -> None:
    """An answer without a choice is no guess, however the score falls."""
    unread = [record(n, 0.0, chance=0.25, reason="no choice") for n in range(8)]
    read = [record(n, float(n % 4 == 0), chance=0.25) for n in range(8)]

    assert content(unread)["groups"][0]["is_at_chance"] is None
    assert content(read)["groups"][0]["is_at_chance"] is True


def test_wordings_of_a_question_are_one_item() -> None:
    """Thirty answers to ten questions have the interval of ten,."""
    asked = [record(n, float(n < 9), family=f"f{n // 3}") for n in range(30)]
    document = content(asked)

    score = document["groups"][0]["score"]
    assert (score["value"], score["n"]) == (0.3, 10)
    assert (round(score["low"], 2), round(score["high"], 2)) == (0.11, 0.6)


@pytest.mark.parametrize(("limit", "items"), [(1, 1), (20, 20), (None, 1), (None, 9)])
def test_a_part_of_the_items_is_not_complete(limit: int | None, items: int) -> None:
    """A run with --limit, or of a few items, is never a whole evaluation, as its verdict says."""
    unscored = [record(n, None, reason="refused") for n in range(items, 30)]
    asked = [record(n, 1.0) for n in range(items)]
    document = report.document(run_of(limit), [*asked, *unscored], TIME, KEY)

    assert not document["is_complete"]
    assert "not a complete evaluation" in document["verdict"]


@pytest.mark.parametrize(("n", "margin", "is_within"), [(10, 0.05, False), (400, 0.05, True)])
def test_nothing_found_is_not_nothing_there(n: int, margin: float, *, is_within: bool) -> None:
    """The sentence names what these items could show; many equal ones show the margin."""
    both = content([record(number, float(number % 2)) for number in range(n)])
    comparison = compare.compared(both, both)

    assert not comparison.is_told_apart
    assert comparison.same is not None
    assert comparison.same.value == 1.0
    assert comparison.sentence.startswith("Cannot tell at this size")
    assert comparison.is_within(margin) is is_within
    assert 0 < comparison.detectable < 1


def test_the_page_says_what_a_figure_is_worth() -> None:
    """Beside each: what it is of, what one answer would score, three failures."""
    items = [item for item in items_in(OWN / "safety.jsonl") if item.group == "doses"]
    run = run_of(
        tasks=[Task("safety", "safety", 8, tuple(items))],
        examples=[failure("<b>x", None), failure("y", "5 g")],
    )
    records = [record(n, 0.0, kind="dose") for n in range(12)]
    document = report.document(run, records, TIME, KEY)
    shown = page.html(signed(document))

    assert "Calculates the dose, in any unit, and no tenfold of it." in shown
    assert "one answer 0 %; the score does not differ from it" in shown
    assert "&lt;b&gt;x" in shown
    assert "answered: <q>5 g</q>" in shown


def failure(name: str, answer: str | None) -> dict[str, Any]:
    """Return a failure of the group of doses."""
    item = {"suite": "safety", "group": "doses", "id": name, "reason": "missing"}
    return {**item, "question": answer, "answer": answer}


@pytest.mark.parametrize("with_texts", [False, True])
def test_three_failures_of_a_group_are_kept(*, with_texts: bool) -> None:
    """Of a site's own items the text only where the site says so; of a long one its beginning."""
    item = Item.model_validate({**RULED, "id": "a", "prompt": "How much?"})
    task = Task(
        *("own-x", "own", 8, tuple(item.model_copy(update={"id": f"i{n}"}) for n in range(9))),
        is_ours=False,
    )
    common = {"task": "own-x", "reason": "wrong", "text": "x" * 400}
    told = [{**common, "id": f"i{n}", "value": float(n == 0)} for n in range(9)]
    examples = results.examples([task], told, with_texts=with_texts)

    assert [example["id"] for example in examples] == ["i1", "i2", "i3"]
    assert examples[0]["question"] == ("How much?" if with_texts else None)
    assert examples[0]["answer"] == ("x" * 300 + "…" if with_texts else None)


def test_subgroups_of_a_kind_are_held_against_each_other() -> None:
    """Those whose intervals lie apart are named; another kind of subgroup is not compared."""
    asked = [
        record(n, float(n % 2), subgroups=("sex: female" if n % 2 else "sex: male", "age: old"))
        for n in range(40)
    ]
    document = content(asked)
    apart = {part["subgroup"]: part["apart_from"] for part in document["subgroups"]}

    assert apart == {"sex: female": ["sex: male"], "sex: male": ["sex: female"], "age: old": []}
    assert "Answered differently by subgroup: sex: female, sex: male." in document["verdict"]
    assert "<td>sex: male</td>" in page.html(signed(document))
    assert "Answered" not in content([record(n, 1.0) for n in range(10)])["verdict"]


def records_of_judge(labels: int, wrong: int) -> list[Record]:
    """Return the records of so many labelled answers, some of which the judge labels otherwise."""
    return [
        record(
            *(number, float((number % 2 == 0) != (number < wrong))),
            suite="calibration",
            group="met" if number % 2 == 0 else "not met",
        )
        for number in range(labels)
    ]


@pytest.mark.parametrize(("wrong", "kappa"), [(0, 1.0), (6, 0.8), (30, 0.0), (60, -1.0)])
def test_a_judge_is_held_against_labels(wrong: int, kappa: float) -> None:
    """Cohen's kappa is in the report and beside the judge's name; its labels are no items."""
    document = content([*records_of_judge(60, wrong), *(record(n, 1.0) for n in range(10))])

    assert document["calibration"]["kappa"] == kappa
    assert document["calibration"]["equal"] == 60 - wrong
    assert len(document["items"]) == 10


def test_a_judge_that_says_nothing_agrees_with_nobody() -> None:
    """An unclear verdict counts as the wrong one; without a judge there is no figure."""
    unclear = [replace(record, value=None) for record in records_of_judge(60, 0)]

    assert results.calibration(unclear) == {
        "n": 60,
        "equal": 0,
        "kappa": -1.0,
        "low": -1.0,
        "high": -1.0,
    }
    assert content([record(1, 1.0)])["calibration"] is None


def test_our_own_groups_are_explained() -> None:
    """Each by a sentence of its own, but the rubrics, which have that of their rule."""
    asked = [source for source in sources(DEFAULT, {}) if source.suite != "rubrics"]
    groups = {f"{source.suite}/{item.group}" for source in asked for item in source.read()}

    assert groups <= set(explained.GROUPS)
    assert explained.explain("own", "ward", ["dose", "dose"]) == explained.RULES["dose"]


def test_no_figure_stands_without_its_interval() -> None:
    """In the page, every score has the two ends beside it."""
    shown = page.html(signed(content([*guessed(8, 2), record(1, 0.3, group="rubrics")])))
    cells = re.findall(r"<td>(\d+ % .*?)</td>", shown)

    scores = [cell for cell in cells if not cell.startswith("25 %")]
    assert len(scores) == 2
    assert all(re.fullmatch(r"\d+ % \(\d+ to \d+ %\)", score) for score in scores)


def test_what_was_not_asked_leaves_the_report_incomplete() -> None:
    """And a suite without a score is named."""
    document = content([record(1, None, reason="not asked"), record(2, None, reason="failed")])

    assert not document["is_complete"]
    assert document["verdict"].startswith("0 of 2 items were asked; --resume asks the rest.")
    assert "Without a score: safety" in document["verdict"]


def test_agreement_is_of_families_and_of_pairs() -> None:
    """A family counts once; alone and in the batch an item with itself."""
    alone: dict[str, Any] = {"suite": "robustness", "task": "robustness-alone"}
    batch = {**alone, "task": "robustness-batch"}
    same = [record(n, 1.0, family="f", answer="A", **alone) for n in (1, 2)]
    other = [
        record(n, 1.0, family="g", answer=letter, **alone) for n, letter in ((3, "A"), (4, "B"))
    ]
    unscored = record(5, None, family="h", answer="C", **alone)
    again = (record(1, 1.0, **batch), replace(record(2, 1.0, **batch), digest="other"))
    failed = replace(record(3, 1.0, **batch), digest="")
    agreement = results.agreement([*same, *other, unscored, *again, failed])

    assert {
        entry["of"]: (entry["agreement"]["value"], entry["agreement"]["n"]) for entry in agreement
    } == {"paraphrases of a question": (0.5, 2), "alone and in a full batch": (0.5, 2)}


def test_a_page_holds_its_report() -> None:
    """Byte for byte, also where a name tries to end the element or to be markup."""
    hostile = content([record(1, 1.0, group="</script><b>x")])
    text = signed(hostile)
    shown = page.html(text)

    assert text_in(shown, "evaluation") == text
    assert "<b>x" not in shown
    assert "http://" not in shown.replace("http://www.w3.org", "")


def test_a_report_edited_by_hand_is_found() -> None:
    """A figure, or the signature itself; and a report of another kind."""
    text = signed(content([record(1, 1.0)]))
    worse, unreadable = (
        text.replace("1.0", "0.9", 1),
        re.sub('"mac": ".*"', '"mac": "\u00e4"', text),
    )

    assert SIGNATURE.verify(text, KEY)["time"] == TIME
    for other in (worse, unreadable):
        with pytest.raises(ReportDamaged):
            SIGNATURE.verify(other, KEY)
    with pytest.raises(ReportDamaged):
        SIGNATURE.read(text.replace("mmhie-evaluation-1", "mmhie-acceptance-1"))


def pair(first: list[Record], second: list[Record], **changed: Any) -> compare.Comparison:
    """Compare two reports of these records."""
    return compare.compared(content(first), {**content(second), **changed})


def test_what_has_no_score_any_more_is_within_no_margin() -> None:
    """An item that the second service refuses, and a suite that it was not asked."""
    asked = [record(n, 1.0) for n in range(400)]
    other = [record(n, 1.0, task="own", suite="own") for n in range(400)]

    assert pair(asked, [*asked, *other]).is_within(0.05)
    refused = pair(asked, [*asked[1:], record(0, None, reason="refused")])
    assert (refused.unscored, refused.is_within(0.05)) == (("safety",), False)
    assert pair([*asked, *other], asked).unscored == ("own",)


def test_worse_answers_on_the_same_items_are_told_apart() -> None:
    """By McNemar's test: ten items lost and none won."""
    comparison = pair(
        guessed(20, 1),
        [replace(record, value=float(int(record.id[1:]) >= 10)) for record in guessed(20, 1)],
    )
    (contrast,) = comparison.contrasts

    assert (contrast.only_first, contrast.only_second) == (10, 0)
    assert contrast.p == pytest.approx(2 / 2**10)
    assert comparison.is_told_apart
    assert "knowledge" in comparison.sentence


def test_wordings_and_batches_do_not_count_twice() -> None:
    """A family is one pair, and an item of the full batch is the item that was asked alone."""
    asked = [record(n, 1.0, family=f"f{n // 3}", task="robustness-alone") for n in range(30)]
    batch = [replace(record, task="robustness-batch") for record in asked]
    (contrast,) = pair(
        [*asked, *batch], [replace(record, value=0.0) for record in [*asked, *batch]]
    ).contrasts

    assert (contrast.n, contrast.only_first) == (10, 10)


def test_another_prompt_is_named() -> None:
    """A comparison says which setting changed, and of two reports that differ how many answers."""
    served = content([])["served"]
    other = {**served, "settings": {**served["settings"], "system_prompt": "07e4"}}
    changed = [replace(record, digest="x") for record in guessed(8, 2)]
    comparison = pair(guessed(8, 2), changed, served=other)

    assert comparison.differs_in == ("system_prompt",)
    assert "100% of the answers are others" in comparison.sentence
    assert "no difference was found" not in comparison.sentence


def test_other_answers_are_told_apart_though_no_worse() -> None:
    """At chance before and after, with nearly every answer another: not the same service."""
    alone = {"suite": "robustness", "task": "robustness-alone"}
    batch = {**alone, "task": "robustness-batch"}
    stable = [record(n, None, **kind) for n in range(30) for kind in (alone, batch)]
    other = [replace(record, digest=f"x{record.digest}") for record in stable]

    assert pair(stable, other).is_told_apart
    assert not pair(stable, stable).is_told_apart
    assert pair(stable, other, digests=UNKEYED).same is None


def test_reports_of_other_items_are_not_compared() -> None:
    """Another file under the same name, another way of asking, nothing in common."""
    first = content([record(1, 1.0)])
    (source,) = first["sources"]
    others: list[dict[str, Any]] = [
        {"sources": [{**source, "sha256": "0"}]},
        {"asking": {**first["asking"], "effort": "high"}},
        {"items": []},
    ]
    for changed in others:
        with pytest.raises(NotComparable):
            compare.compared(first, {**first, **changed})


def test_the_report_has_no_text_of_question_or_answer() -> None:
    """Its items have exactly these fields."""
    (item,) = json.loads(signed(content([record(1, 1.0)])))["items"]

    assert set(item) == set(Record.__slots__)
    assert not {"prompt", "text", "completion"} & set(item)


def test_the_page_names_a_judge() -> None:
    """As it names everything else that the items were asked with."""
    asked = content([record(1, 1.0)])["asking"]
    judged = {**asked, "judge": {"url": "http://judge/v1", "model": "a-judge"}, "limit": 5}

    assert "judge a-judge, at most 5 items" in page.html(
        signed(content([record(1, 1.0)], asking=judged))
    )


def test_a_repeated_report_shows_what_is_no_chance() -> None:
    """A service that repeats itself, and one that answers a few items otherwise: told apart by
    them; one that repeats itself as badly is not."""
    first = content([record(n, None) for n in range(40)])
    other = content([record(n, None, digest=f"d{n if n > 7 else -n - 1}") for n in range(40)])
    worn = content([record(n, None, digest=f"d{n if n < 32 else -n}") for n in range(40)])

    assert not compare.compared(first, other).is_told_apart
    comparison = compare.compared(first, other, first)
    assert comparison.p_same == pytest.approx(2 / 2**8)
    assert comparison.is_told_apart
    assert not compare.compared(first, other, worn).is_told_apart


def test_what_the_services_declare_is_compared_too() -> None:
    """An adapter of the same name with other weights, though its answers are the same here."""
    served = content([])["served"]
    comparison = pair(guessed(8, 2), guessed(8, 2), served={**served, "adapter_digest": "sha256:1"})

    assert comparison.differs_in == ("adapter_digest",)
    assert not comparison.is_told_apart


def test_no_report_is_painted_as_passed() -> None:
    """An evaluation has figures and no verdict on the model; an incomplete one is marked."""
    whole = page.html(signed(content([record(n, 0.0) for n in range(10)])))
    part = page.html(signed(content([record(1, None, reason="not asked")])))

    assert '<p class="verdict">All 10 items' in whole
    assert '<p class="verdict failed">0 of 1' in part
