"""Both tables' plans, and the verdicts on all their lines, for which vLLM is imported once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from launcher.planning.plan import EnginePlan
from tests.fake_hub import files
from tests.gpu_engine import matrix, operators
from tests.gpu_engine.matrix import Case, Planned
from tests.gpu_engine.models import MODELS, write
from tests.gpu_engine.operators import Wish

Verdict = Mapping[str, Any]
Judge = Callable[[str, Sequence[str]], Verdict]


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every model and every draft model, as far as a plan looks."""
    folder = tmp_path_factory.mktemp("gpu_engine")
    for name, config in {**MODELS, **operators.DRAFTS}.items():
        write(folder / name, config)
    for name in operators.DRAFTS:
        (folder / name / files.WEIGHTS).write_bytes(files.tensors({"fc.weight": (2, 2)}))
    return folder


@pytest.fixture(scope="session")
def planned(described: Path) -> dict[Case, Planned]:
    """The plan of each case of the matrix."""
    cases = matrix.cases(list(MODELS))
    return {case: matrix.planned(case, described / case.model) for case in cases}


@pytest.fixture(scope="session")
def wished(described: Path) -> dict[Wish, EnginePlan]:
    """The plan of each operator's wish."""
    return {wish: operators.planned(wish, described) for wish in operators.WISHES}


@pytest.fixture(scope="session")
def judge(planned: dict[Case, Planned], wished: dict[Wish, EnginePlan], described: Path) -> Judge:
    """The engine's verdict on a command line on a card."""
    lines: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
    for case, plan in planned.items():
        lines[case.card][tuple(plan.line)] = None
    for wish, made in wished.items():
        lines[wish.card][tuple(matrix.line_of(made))] = None
    asked = {card: list(map(list, some)) for card, some in lines.items()}
    judged = matrix.judged(asked, described)
    verdicts = {card: dict(zip(some, judged[card], strict=True)) for card, some in lines.items()}
    return lambda card, line: verdicts[card][tuple(line)]
