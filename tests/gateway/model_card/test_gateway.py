"""A running gateway's model card, with the operator's file in it."""

from pathlib import Path

from tests.contract.fixtures import Refusal, Start
from tests.fake_engine.process import FakeEngine

PATH = "/v1/mmhie/model-card"


def test_the_operators_file_is_shown(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """As it is, in a card that names the served model and its disclaimer."""
    file = tmp_path / "card.toml"
    file.write_text('model = "fake-model"\n[use]\npatients = "Adults on <b>our</b> wards"\n')
    answer = start(engine.url, MMHIE_MODEL_CARD=str(file)).wait().client.get(PATH)
    card = answer.json()

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-mmhie-disclaimer-version"] == card["disclaimer"]["version"]
    assert card["model"]["model"] == "fake-model"
    assert card["operator"]["use"] == {"patients": "Adults on <b>our</b> wards"}


def test_a_wrong_file_stops_the_start(refusal: Refusal, tmp_path: Path) -> None:
    """With a sentence that names the setting and the file."""
    file = tmp_path / "card.toml"
    file.write_text("[owner\n")
    message = refusal(MMHIE_MODEL_CARD=str(file))

    assert f"MMHIE_MODEL_CARD is {file}: it is not TOML" in message
