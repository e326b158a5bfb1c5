"""vLLM's judgement of a planned command line: by stand-ins for vLLM, and by the real one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import ModelError, PlanError
from launcher.planning.plan import EnginePlan
from launcher.serving import engine_judge, environment, failures, startup_log
from tests.fake_hub import files
from tests.launcher.plans import plan
from tests.models import smollm2
from tests.waiting import PATIENCE_S

REFUSED = "Total number of attention heads (9) must be divisible by tensor parallel size (2)."
ENTRY = """
class AsyncEngineArgs:
    @classmethod
    def from_cli_args(cls, words):
        cls.words = words
        return cls()
    def create_engine_config(self):
        import json, pathlib, time
        {config}
"""
MODULES = {
    "entrypoints/launchers/cli_args.py": (
        "make_arg_parser = lambda parser: parser\nvalidate_parsed_serve_args = print\n"
    ),
    "utils/argparse_utils.py": (
        "class FlexibleArgumentParser:\n    def parse_args(self, words):\n        return words\n"
    ),
}


def stand_in(folder: Path, config: str) -> dict[str, str]:
    """The environment with a vLLM whose configuration is this statement."""
    modules = {**MODULES, "engine/arg_utils.py": ENTRY.format(config=config)}
    for name, text in modules.items():
        file = folder / "packages" / "vllm" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for package in file.parents[: len(Path(name).parents)]:
            (package / "__init__.py").touch()
    path = os.pathsep.join((str(folder / "packages"), *filter(None, sys.path)))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path}


def planned(folder: Path, **ours: Any) -> EnginePlan:
    """The plan for a model in a folder."""
    (folder / "config.json").write_text(json.dumps(files.CONFIG))
    return plan("cpu,ram=16", reasoner_model=folder, **ours)


async def test_a_refusal_ends_the_work_beside_it(tmp_path: Path) -> None:
    """A fetch of hours is not waited for; the sentence has our remedy."""
    environ = stand_in(tmp_path, f"raise ValueError({REFUSED!r} + ' Use fewer.')")

    with pytest.raises(PlanError) as refusal:
        await engine_judge.beside(asyncio.sleep(PATIENCE_S), planned(tmp_path), environ)

    assert str(refusal.value) == (
        f"vLLM refuses this configuration: {REFUSED[:-1]}; set MMHIE_TENSOR_PARALLEL to another "
        "number."
    )


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ("return None", {}),
        ("time.sleep(3600)", {}),
        ("import vllm.elsewhere", {}),
        ("raise OSError('the hub is away')", {}),
        # the kernel takes no variable of three megabytes, as it takes no process without memory
        ("return None", {"LARGE": "x" * 3_000_000}),
    ],
    ids=["takes it", "is slow", "has other modules", "has no network", "cannot be started"],
)
async def test_work_goes_on_without_a_refusal(
    config: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """An engine that is slow, of another version or not there stops nothing."""
    work = asyncio.sleep(0.3, result="done")
    environ = stand_in(tmp_path, config) | variables

    assert await engine_judge.beside(work, planned(tmp_path), environ) == "done"


LLAMA = {**files.CONFIG, "architectures": ["LlamaForCausalLM"], "model_type": "llama"}
GPTQ = {"quant_method": "gptq", "group_size": 128, "desc_act": False, "sym": True}
OWN = {"AutoConfig": "configuration_own.C", "AutoModelForCausalLM": "modeling_own.X"}
GENERATE = "does not generate text: set MMHIE_REASONER_MODEL"
TABLE: tuple[tuple[dict[str, Any], tuple[str, ...], str], ...] = (
    ({}, (), ""),
    ({"architectures": ["BertModel"], "model_type": "bert"}, (), GENERATE),
    ({"architectures": ["Qwen2ForRewardModel"], "model_type": "qwen2"}, (), GENERATE),
    (
        {"architectures": ["Unheard"], "model_type": "unheard"},
        (),
        "another model, or install a vLLM",
    ),
    (
        {"architectures": ["Unheard"], "model_type": "own", "auto_map": OWN},
        (),
        "--trust-remote-code",
    ),
    ({"quantization_config": {"quant_method": "hqq"}}, (), "use its 16-bit weights"),
    ({"quantization_config": {**GPTQ, "bits": 3}}, (), "use its 16-bit weights"),
    ({}, ("--tensor-parallel-size", "3"), "set MMHIE_TENSOR_PARALLEL"),
    ({}, ("--max-model-len", "999999"), "lower MMHIE_MAX_MODEL_LEN"),
    ({}, ("--no-such-flag",), "correct MMHIE_ENGINE_ARGS"),
)
JUDGE_ALL = """
import json, sys
from launcher.serving.engine_judge import refuses
for line in json.load(sys.stdin):
    print("---", file=sys.stderr, flush=True)
    refuses(line)
"""


@pytest.mark.slow  # imports vLLM
def test_what_the_installed_vllm_says(tmp_path: Path) -> None:
    """Each refusal is vLLM's own and gets our remedy; vLLM is imported once for all."""
    lines = []
    for number, (entries, flags, _) in enumerate(TABLE):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**LLAMA, **entries}))
        lines.append(["--model", str(folder), "--runner", "generate", *flags])
    done = subprocess.run(
        [sys.executable, "-c", JUDGE_ALL],
        input=json.dumps(lines),
        env=os.environ | {"VLLM_LOGGING_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = done.stderr.split("---\n")[1:]

    causes = [startup_log.root_cause(said.splitlines()) for said in verdicts]
    sentences = [failures.refusal(cause) if cause else "" for cause in causes]
    remedies = [remedy for *_, remedy in TABLE]
    pairs = zip(remedies, sentences, strict=True)

    assert [
        pair for pair in pairs if pair[0] not in pair[1] or bool(pair[0]) != bool(pair[1])
    ] == []


async def test_what_is_made_first_is_not_judged(tmp_path: Path) -> None:
    """A de-quantized checkpoint has another configuration; own code is not fetched to be judged."""
    environ = stand_in(tmp_path, "raise ValueError('refused')")
    made_first = plan("cpu,ram=16", reasoner_model="embedded", cache_dir=tmp_path)
    trusted = planned(tmp_path, engine_args="--trust-remote-code")

    for unjudged in (made_first, trusted):
        await engine_judge.judge(unjudged, environ)


async def test_a_child_that_cannot_answer_has_its_last_words(tmp_path: Path) -> None:
    """The vocabulary is not known to load: no traceback of ours."""
    (tmp_path / "json.py").write_text("raise SystemExit('no json here')")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}

    with pytest.raises(ModelError, match=r"does not load: no json here\.$"):
        await engine_judge.judge(planned(tmp_path), environ, str(tmp_path))


# As the launcher starts an engine: a key, no statistics, no hub.
ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_OFFLINE": "1"}


@pytest.mark.slow  # imports the engine's libraries
def test_a_vocabulary_loads(tmp_path: Path) -> None:
    """Its own and the second one of gpt-oss, without a network; of a folder without one the reason
    is told."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    whole = engine_judge.Question((), vocabulary=str(smollm2.model()), has_harmony=True)
    broken = engine_judge.Question((), vocabulary=str(tmp_path))
    made = planned(tmp_path)

    assert asyncio.run(engine_judge.ask(whole, made, ENVIRON))[0] == 0
    status, cause = asyncio.run(engine_judge.ask(broken, made, ENVIRON))
    assert status not in (0, engine_judge.REFUSED)
    assert cause


@pytest.mark.slow  # imports the engine's libraries
def test_the_engine_reports_to_nobody() -> None:
    """The question is put to its own code, which says yes without our variables."""
    ask = "from vllm.usage.usage_lib import is_usage_stats_enabled as ask; print(ask())"
    quiet = environment.for_engine(ENVIRON, {}, key="")
    loud = {name: ENVIRON[name] for name in ("PATH", "HOME")}
    for environ, answer in ((quiet, "False"), (loud, "True")):
        told = subprocess.check_output([sys.executable, "-c", ask], env=environ, text=True)
        assert told.splitlines()[-1] == answer
