"""MMHIE_* variables: the README's names and defaults, and one sentence for each mistake."""

import re
from pathlib import Path

import pytest

from gateway.settings import gateway as gateway_settings
from gateway.settings import removed
from launcher.engine_flags import RESERVED
from launcher.errors import SettingsError
from launcher.formats import FORMATS
from launcher.settings import known_names, load

README = {
    "reasoner_model": "dousery/medical-reasoning-gpt-oss-20b",
    "device": "auto",
    "device_map": "auto",
    "max_tokens": 512,
    "streaming": False,
    "quantize": "none",
    "timeout_seconds": 30,
    "max_input_length": 4096,
    "reasoner_model_test_override": None,
}
OVERRIDDEN = {"MMHIE_REASONER_MODEL_TEST_OVERRIDE": "sshleifer/tiny-gpt2"}
ARGUMENTS = ("--seed", "1", "--x", '{"a": 1}')


def test_the_readmes_nine_variables_keep_their_defaults() -> None:
    """With nothing set, every variable of the original README means what it always meant."""
    settings = load({}, None)

    assert {name: getattr(settings, name) for name in README} == README


def test_every_format_can_be_asked_for() -> None:
    """MMHIE_QUANTIZE takes each row of the table, and a name that is none is refused with them."""
    assert [load({"MMHIE_QUANTIZE": name}, None).quantize for name in FORMATS] == list(FORMATS)
    with pytest.raises(SettingsError, match=r"MMHIE_QUANTIZE is 'int4': .*'compressed-tensors'"):
        load({"MMHIE_QUANTIZE": "int4"}, None)


@pytest.mark.parametrize(
    ("environ", "name", "expected"),
    [
        *(({"MMHIE_STREAMING": text}, "streaming", True) for text in ("1", "YES", "on")),
        ({"MMHIE_STREAMING": "off"}, "streaming", False),
        ({"MMHIE_DEVICE": " CPU "}, "device", "cpu"),
        (OVERRIDDEN, "model", "sshleifer/tiny-gpt2"),
        ({"MMHIE_ENGINE_ARGS": "--seed 1 --x '{\"a\": 1}'"}, "engine_args", ARGUMENTS),
        ({"MMHIE_CACHE_DIR": "~/models"}, "cache_dir", Path.home() / "models"),
        ({"PATH": "/bin", "HF_TOKEN": "x"}, "device", "auto"),
    ],
)
def test_what_people_write(environ: dict[str, str], name: str, expected: object) -> None:
    """Words for yes and no; choices in any case; the model that is set for a test wins; quotes keep
    a JSON value together; vLLM's own name for the date counts, but ours wins; a tilde is the user's
    home, or a folder of that name would be made; other variables are nobody's business."""
    assert getattr(load(environ, None), name) == expected


@pytest.mark.parametrize("form", ["{} x", "{}=x"])
def test_reserved_flags_are_refused(form: str) -> None:
    """Flags that the launcher owns, and flags that would log patient text, are refused."""
    for flag in RESERVED:
        with pytest.raises(SettingsError, match=f"{flag} is reserved"):
            load({"MMHIE_ENGINE_ARGS": form.format(flag)}, None)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("--enable-log-requ", "--enable-log-requests is reserved"),
        ("--lora-mod={}", "--lora-modules is reserved"),
        ("--max-model 9000", "set MMHIE_MAX_MODEL_LEN instead"),
        ("--seed 1 -tp 2", "-tp is reserved: set MMHIE_TENSOR_PARALLEL instead"),
        ("-tp=2", "set MMHIE_TENSOR_PARALLEL instead"),
        ("-qgptq", "set MMHIE_QUANTIZE instead"),
        ("-n2", "set MMHIE_ENGINE_URLS to one over several"),
        ("--data-parallel-size-l 2", "set MMHIE_ENGINES instead"),
        ("--eplb-config.num_redundant_experts=2", "no plan counts its further copies of experts"),
        ("--kv-events-config.publisher zmq", "it sends the tokens of patients' texts"),
        ("--logging-config.log_level=DEBUG", "write patients' texts into the log"),
        ('--logging_conf \'{"log_level":"DEBUG"}\'', "write patients' texts into the log"),
    ],
)
def test_reserved_flags_are_refused_however_they_are_written(written: str, sentence: str) -> None:
    """vLLM accepts underscores, unambiguous beginnings of a flag, and one entry of its JSON."""
    with pytest.raises(SettingsError, match=sentence):
        load({"MMHIE_ENGINE_ARGS": written}, None)


@pytest.mark.parametrize(
    "written",
    [
        "--seed -1",
        "--max-num-seqs 8 --max-num-batched-tokens=8000",
        "--quantization-config.x 1",
        "--tokenizer-mode mistral",
        "--generation-config vllm --reasoning-parser x",
        "-O3 -cc.mode=3 -sc.method=ngram -ep",
    ],
)
def test_other_flags_are_taken(written: str) -> None:
    """Neither a value nor a longer name is mistaken for a flag that is reserved."""
    assert load({"MMHIE_ENGINE_ARGS": written}, None).engine_args == tuple(written.split())


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"MMHIE_DEVISE": "cpu"}, "nearest known name is MMHIE_DEVICE"),
        ({"MMHIE_DEVICE": "tpu"}, "MMHIE_DEVICE is 'tpu': it should be 'auto', 'cpu' or 'cuda'"),
        ({"MMHIE_MAX_TOKENS": "many"}, "MMHIE_MAX_TOKENS is 'many': it should be a whole number."),
        ({"MMHIE_TIMEOUT_SECONDS": "nan"}, "MMHIE_TIMEOUT_SECONDS is 'nan'"),
        ({"MMHIE_ENGINE_ARGS": "'"}, 'MMHIE_ENGINE_ARGS is "\'": no closing quotation'),
        ({"MMHIE_ENGINES": "2", "MMHIE_ENGINE_URLS": "http://a:1"}, "MMHIE_ENGINES is 2 and"),
        ({**OVERRIDDEN, "MMHIE_ENV": "production"}, "MMHIE_ENV is production"),
    ],
)
def test_a_mistake_is_one_sentence(environ: dict[str, str], sentence: str) -> None:
    """It names the variable, what it got and what would do; the exit code is 2."""
    with pytest.raises(SettingsError) as caught:
        load(environ, None)

    assert sentence in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert caught.value.exit_code == 2


def test_a_removed_setting_says_what_replaces_it() -> None:
    """The gateway and the launcher refuse it with the same sentence, and exit code 2."""
    for name, instead in removed.SETTINGS.items():
        sentence = f"{name} was removed; delete it. {instead}"
        assert name not in known_names()
        assert instead.endswith(".")
        with pytest.raises(SettingsError, match=re.escape(sentence)) as caught:
            load({name: "1"}, None)
        assert caught.value.exit_code == 2
        with pytest.raises(gateway_settings.SettingsError, match=re.escape(sentence)):
            gateway_settings.load({name: "1"}, None)
