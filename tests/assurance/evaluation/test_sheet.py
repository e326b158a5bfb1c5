"""A site's questions as a spreadsheet: each row an item with the rule of its cells."""

from pathlib import Path

import pytest

from assurance.evaluation.items import DataError, Item, read_items
from assurance.evaluation.rules.reply import Reply
from assurance.evaluation.rules.rubric import Rubric

HEAD = "id,group,prompt,criteria,faults,facts,source,denied,value,unit,choices,answer"
ROWS = """
w1,ward,Which drug?,Names warfarin | Recommends INR checks,Recommends aspirin,,,,,,,
w2,ward,Summarise: 5 mg. No fever.,,,apixaban; 5 mg,"Apixaban 5 mg, no fever.",fever,,,,
w3,ward,How much?,,,,,,500,mg,,
w4,ward,Yes or no?,,,,,,,,yes | no,no
"""
RIGHT = ("Apixaban 5 mg.", "500 mg", "no")
WRONG = ("Fever, apixaban 50 mg.", "5 g", "yes")


def read(folder: Path, text: str) -> list[Item]:
    file = folder / "fifty.csv"
    file.write_text(text, encoding="utf-8-sig")
    return read_items(file)


def test_each_row_has_the_rule_of_its_cells(tmp_path: Path) -> None:
    """A source, a dose and a choice: a right and a wrong answer to each. Criteria are a judge's."""
    judged, *items = read(tmp_path, HEAD + ROWS)

    for answers, value in ((RIGHT, 1.0), (WRONG, 0.0)):
        scores = [
            item.rule.score(Reply(answer)).value
            for item, answer in zip(items, answers, strict=True)
        ]
        assert scores == [value] * 3
    assert isinstance(judged.rule, Rubric)
    assert judged.rule.judged((True, True, False)).value == 1.0
    assert judged.rule.judged((True, True, True)).value == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,prompt,criteria,colour\nw1,x,y,red\n", "line 2, colour"),
        ("id,criteria\nw1,x\n", "line 2, the item: give either prompt or messages"),
        ("id,prompt,criteria\nw1,x,y,more\n", "line 2, more cells than columns"),
        ("id,prompt\nw1," + "x" * 200_000 + "\n", "is no CSV"),
        ("id,prompt,value,unit,faults\nw1,x,5,mg,y\n", "line 2, faults"),
    ],
)
def test_a_bad_sheet_is_refused_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    """With its line, and without what is in the cells."""
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)
