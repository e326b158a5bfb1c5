"""Settings and commands of earlier versions, each with the sentence that says what replaces it.

One entry is kept for one release. A configuration that still has one is refused with exit code 2.
"""

from collections.abc import Mapping
from typing import Final

EVALUATED: Final = (
    "The launcher does not read evaluations: let your deployment pipeline run "
    "`mmhie evaluate compare`, whose exit code decides."
)
ONE_MACHINE: Final = (
    "An engine runs on one machine now. Let KServe, llm-d, production-stack or Ray Serve run a "
    "larger one, and set MMHIE_ENGINE_URL to its address."
)
ACCEPTED: Final = "`mmhie accept --url ADDRESS` checks a running service and prints the result."
FIXED: Final = "The limit is fixed now: docs/limits.md has it."
NO_READER: Final = "The classifier alone decides on notices; MMHIE_NOTICE_THRESHOLD adjusts it."
NO_HOLD: Final = "The alert AnswerFlaggedSevere calls an operator, who can use `mmhie hold`."
AUDIT_FIXED: Final = (
    "It is fixed now: flushed once a second, rotated at 100 MiB, a checkpoint every 60 s."
)

SETTINGS: Final[Mapping[str, str]] = {
    "MMHIE_BODY_TIMEOUT_SECONDS": FIXED,
    "MMHIE_AUDIT_CHECKPOINT_SECONDS": AUDIT_FIXED,
    "MMHIE_AUDIT_FSYNC": AUDIT_FIXED,
    "MMHIE_AUDIT_ROTATE_BYTES": AUDIT_FIXED,
    "MMHIE_DISTRIBUTED_BACKEND": "An engine on several GPUs of a machine always uses `mp`.",
    "MMHIE_EVALUATE_PYTHON": "Inspect is found in `evaluate/` in MMHIE_CACHE_DIR.",
    "MMHIE_EVALUATION_LIMITS": EVALUATED,
    "MMHIE_HEADER_TIMEOUT_SECONDS": FIXED,
    "MMHIE_FEEDBACK_HOLD_COUNT": NO_HOLD,
    "MMHIE_FEEDBACK_HOLD_MINUTES": NO_HOLD,
    "MMHIE_FEEDBACK_KEY": "Set MMHIE_VAULT_PUBLIC_KEY, which seals new texts: docs/feedback.md.",
    "MMHIE_HEAD_ADDRESS": ONE_MACHINE,
    "MMHIE_JUDGE_API_KEY": "Inspect reads JUDGE_API_KEY and JUDGE_BASE_URL: docs/evaluation.md.",
    "MMHIE_KEEP_ALIVE_SECONDS": FIXED,
    "MMHIE_MAX_CHOICES": FIXED,
    "MMHIE_MAX_GRAMMAR_WEIGHT": "Schemas have fixed limits, and patterns that stand alone need the "
    "scope `patterns`: docs/limits.md.",
    "MMHIE_MAX_HEADER_BYTES": FIXED,
    "MMHIE_MAX_JSON_DEPTH": FIXED,
    "MMHIE_MAX_LOGPROBS": FIXED,
    "MMHIE_MAX_TOOLS": FIXED,
    "MMHIE_METRICS_KEYS": "`mmhie audit usage --by key` counts requests and tokens by key.",
    "MMHIE_NODES": ONE_MACHINE,
    "MMHIE_NODE_RANK": ONE_MACHINE,
    "MMHIE_NOTICE_READER": NO_READER,
    "MMHIE_NOTICE_READER_SECONDS": NO_READER,
    "MMHIE_OUTPUT_CHECKS": "`mmhie evaluate` measures such errors before the model serves.",
    "MMHIE_PIN_DATE": "Set vLLM's VLLM_SYSTEM_START_DATE in the environment (not in .env) instead.",
    "MMHIE_PROTECT_MODEL_CARD": "/v1/mmhie/model-card needs a key of any scope, as by default.",
    "MMHIE_QUANTIZE_FALLBACK": "A format that cannot run is replaced, with a warning, as before.",
    "MMHIE_REASONING_FIELD": "The field on /v1 is `reasoning`, as vLLM writes it.",
    "MMHIE_REQUIRE_EVALUATION": EVALUATED,
    "MMHIE_ROUTER_POLICY": "It is cache_aware; for another, start vllm-router yourself.",
    "MMHIE_SEND_TIMEOUT_SECONDS": FIXED,
}
# The first words of a command line, without `mmhie`; or a command and an option of it.
COMMANDS: Final[Mapping[str, str]] = {
    "accept --out": ACCEPTED,
    "accept --quick": ACCEPTED,
    "accept isolation": "docs/acceptance.md has the commands, under What you check by hand.",
    "accept verify": "`mmhie accept --json` prints the result: archive that.",
    "capacity": "docs/scale.md has the formula and an example, under Sizing.",
    "card": "Write your own TOML or JSON file and name it in MMHIE_MODEL_CARD: docs/api.md.",
    "plan --nodes": ONE_MACHINE,
    "evaluate verify": "Reports are not signed; `inspect view` shows the logs of Inspect.",
    "profiles": "docs/hardware.md has a table of the combinations that have passed.",
}
