"""The list of source attributes: complete, in the regulation's order, each with its paragraph."""

from gateway.model_card import chai
from gateway.model_card.attributes import ATTRIBUTES
from gateway.model_card.supplied import KeyMetric

# 45 CFR 170.315(b)(11)(iv)(B): how many attributes each of the paragraphs (1) to (9) has.
REGULATION = {1: 4, 2: 4, 3: 2, 4: 4, 5: 2, 6: 4, 7: 5, 8: 4, 9: 2}
ROMAN = ("i", "ii", "iii", "iv", "v")
# Elements of CHAI's Applied Model Card, schema v0.2, with those that it nests.
CHAI = {
    "BasicInfo": 3,
    "ReleaseInfo": 5,
    "ModelSummary": 2,
    "UsesAndDirections": 5,
    "Warnings": 3,
    "TrustIngredients": 13,
    "KeyMetrics": 3,
    "Resources": 5,
    "Card": 1,
}


def test_every_paragraph_of_the_regulation_is_there() -> None:
    """31 attributes, none missing, none twice, none of our own."""
    paragraphs = [
        f"({number})({ROMAN[at]})" for number, count in REGULATION.items() for at in range(count)
    ]

    assert [attribute.paragraph for attribute in ATTRIBUTES] == paragraphs
    assert len(ATTRIBUTES) == 31


def test_each_has_a_name_a_group_and_the_regulations_words() -> None:
    """Of the text the operator's file and the page are made."""
    assert len({attribute.id for attribute in ATTRIBUTES}) == 31
    assert len({attribute.text for attribute in ATTRIBUTES}) == 31
    for attribute in ATTRIBUTES:
        assert attribute.id.isidentifier()
        assert attribute.group
        assert len(attribute.text) > 15


def test_every_element_of_the_applied_model_card_is_there() -> None:
    """As its schema has them, but for compatible records systems: those are an application's."""
    assert {name: len(list(chai.leaves(table))) for name, table in chai.ELEMENTS.items()} == CHAI
    assert set(KeyMetric.model_fields) == set(chai.METRIC)


def test_an_element_is_filled_from_attributes_that_exist() -> None:
    """A misspelt name would be found by the first reader of a card."""
    named = {name for leave in chai.leaves(chai.ELEMENTS) for name in leave.get("attributes", ())}

    assert named < {attribute.id for attribute in ATTRIBUTES}
    assert len(named) > 15
