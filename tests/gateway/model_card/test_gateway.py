"""A running gateway's model card: JSON, a page, an operator's file that changes under it."""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.model_card.card import ModelCard
from gateway.model_card.page import page
from gateway.model_card.source import OperatorCard
from gateway.safety.disclaimer import Disclaimer
from tests.contract.fixtures import Folders, Refusal, Start
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.gateway.model_card.cards import KEY, card_file, report_file
from tests.gateway.model_card.test_card import SCREENER, SERVING
from tests.waiting import until

PATH = "/v1/mmhie/model-card"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
EVALUATED = datetime(2026, 11, 20, 12, tzinfo=UTC)  # as the report says


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]


def tags(text: str) -> list[str]:
    reader = Tags()
    reader.feed(text)
    return reader.found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Folders) -> Path:
    return tmp_path_factory.mktemp("card")


@pytest.fixture(scope="module")
def the_carded(the_engine: FakeEngine, folder: Path) -> Iterator[Gateway]:
    """A gateway with an operator's card and the report that it names."""
    report_file(folder)
    settings = {"MMHIE_MODEL_CARD": str(card_file(folder, report="evaluation.json"))}
    with Gateway(folder, the_engine.url, MMHIE_AUDIT_KEY=KEY, **settings).wait() as gateway:
        yield gateway


@pytest.fixture
def carded(the_carded: Gateway, engine: FakeEngine) -> Gateway:
    """The same, its engine reset."""
    return the_carded


def test_a_program_gets_json(carded: Gateway) -> None:
    """With the operator's texts, the report's figures, and what nobody has said."""
    answer = carded.client.get(PATH)
    card = answer.json()

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "accept"
    assert len(card["source_attributes"]) == 31
    assert card["operator_card"] == "supplied"
    assert card["evaluation_report"]["suites"][0]["name"] == "medqa"
    assert "not supplied" in answer.text


def test_a_browser_gets_a_page(carded: Gateway) -> None:
    """Without a script, every text escaped, its one style sheet named by digest in the policy."""
    answer = carded.client.get(PATH, headers=BROWSER)
    style = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "Adults on &lt;b&gt;our&lt;/b&gt; wards" in answer.text
    assert answer.text.count("<section id=") == 31
    assert answer.headers["x-mmhie-disclaimer-version"]


def test_no_text_becomes_markup() -> None:
    """Of the operator, of the model's name, of the contact: only tags of ours are on the page."""
    nasty = "<script>alert(1)</script><img src=x onerror=y>\"'"
    serving = SERVING._replace(display_name=nasty)
    card = ModelCard(serving, Disclaimer.of(), SCREENER, nasty, OperatorCard()).document()
    card["source_attributes"][0] |= {"value": nasty, "sources": ["operator"], "id": '"><b>'}
    card["applied_model_card"][nasty] = {nasty: nasty}

    assert not {"script", "img", "b"} & set(tags(page(card)))


def test_the_file_may_change_while_it_is_served(carded: Gateway, folder: Path) -> None:
    """The next content is shown; a damaged one leaves the last good one in force."""
    file = folder / "card.toml"
    before = file.read_text()

    def patients() -> str:
        entries = carded.client.get(PATH).json()["source_attributes"]
        return str(next(entry["value"] for entry in entries if entry["id"] == "intended_patients"))

    file.write_text(before.replace("Adults on", "Children on"))
    until(lambda: patients().startswith("Children on"))
    file.write_text("[[[")
    until(lambda: patients() and "MMHIE_MODEL_CARD cannot be used" in carded.log)
    assert patients().startswith("Children on")
    file.write_text(before)
    until(lambda: patients().startswith("Adults on"))


def test_the_age_of_the_evaluation_is_a_metric(carded: Gateway) -> None:
    """As the time of its report, for the alert on old ones."""
    families = text_string_to_metric_families(carded.client.get("/metrics").text)
    (family,) = (each for each in families if each.name == "mmhie_evaluation_timestamp_seconds")

    assert [sample.value for sample in family.samples] == [EVALUATED.timestamp()]


def test_a_wrong_file_stops_the_start(refusal: Refusal, tmp_path: Path) -> None:
    """With a sentence that names the setting, the file and the entry."""
    file = card_file(tmp_path, text='race = "x"\n')
    told = refusal(MMHIE_MODEL_CARD=str(file))

    assert "MMHIE_MODEL_CARD is" in told
    assert "source_attributes.race" in told


def test_the_page_needs_a_key_unless_it_is_opened(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """Any key is enough; `MMHIE_PROTECT_MODEL_CARD=false` lets a browser in, and only there."""
    add_key(tmp_path / "keys.json", "scraper", "metrics")
    settings = {"MMHIE_KEYS_FILE": str(tmp_path / "keys.json"), "MMHIE_PROTECT_MODEL_CARD": "false"}
    gateway = start(engine.url, **settings).wait("/healthz")

    until(lambda: gateway.client.get(PATH).status_code == 200)
    assert gateway.client.get("/v1/models").status_code == 401
