"""Settings and commands of earlier versions, each with the sentence that says what replaces it.

One entry is kept for one release. A configuration that still has one is refused with exit code 2.
"""

from collections.abc import Mapping
from typing import Final

EVALUATED: Final = (
    "The launcher does not read evaluations: let your deployment pipeline run "
    "`mmhie evaluate --compare`, whose exit code decides."
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

CA_FILE: Final = "MMHIE_CA_FILE has the CAs of engine, Redis and FHIR server."
CLIENT_FILE: Final = "MMHIE_CLIENT_CERTIFICATE names a file with the certificate and its key."
FHIR_CLIENT: Final = "MMHIE_AUDIT_FHIR_CLIENT_FILE names a file with the client id and its secret."
CONTEXT: Final = "Set MMHIE_REQUIRED_CONTEXT to user, purpose, or both, comma-separated."

SETTINGS: Final[Mapping[str, str]] = {
    "MMHIE_API_DOCS": "`/docs` is served in development, and not in production.",
    "MMHIE_AUDIT_CHECKPOINT_SECONDS": AUDIT_FIXED,
    "MMHIE_AUDIT_CHECKPOINT_URL": "Checkpoints are on standard output; your log collector takes "
    "them to another machine: docs/audit.md.",
    "MMHIE_AUDIT_FHIR_CLIENT_ID": FHIR_CLIENT,
    "MMHIE_AUDIT_FHIR_CLIENT_SECRET_FILE": FHIR_CLIENT,
    "MMHIE_AUDIT_FHIR_TLS_CA": CA_FILE,
    "MMHIE_AUDIT_FHIR_TLS_CERTIFICATE": CLIENT_FILE,
    "MMHIE_AUDIT_FHIR_TLS_KEY": CLIENT_FILE,
    "MMHIE_AUDIT_FSYNC": AUDIT_FIXED,
    "MMHIE_AUDIT_ROTATE_BYTES": AUDIT_FIXED,
    "MMHIE_AUDIT_USERS": "Persons are named as given; for pseudonyms, have your identity provider "
    "issue them: docs/audit.md.",
    "MMHIE_BODY_TIMEOUT_SECONDS": FIXED,
    "MMHIE_CONSOLE": "The console is always there; block / and /console/ at your proxy.",
    "MMHIE_DATA_PARALLEL": "MMHIE_ENGINES makes copies of the model, behind vLLM's router.",
    "MMHIE_DISCLAIMER_IN_V1_TEXT": "MMHIE_DISCLAIMER_IN_TEXT is for /v1, too.",
    "MMHIE_DISTRIBUTED_BACKEND": "An engine on several GPUs of a machine always uses `mp`.",
    "MMHIE_ENGINE_HEALTH_PATH": "It is /readiness where MMHIE_ENGINE_URLS is set, else /health.",
    "MMHIE_ENGINE_METRICS_URLS": "It is MMHIE_ENGINE_URLS now.",
    "MMHIE_ENGINE_SERVER_KEY": "MMHIE_ENGINE_SERVER_CERTIFICATE names a file with both.",
    "MMHIE_ENGINE_TLS_CA": CA_FILE,
    "MMHIE_ENGINE_TLS_CERTIFICATE": CLIENT_FILE,
    "MMHIE_ENGINE_TLS_KEY": CLIENT_FILE,
    "MMHIE_EVALUATE_PYTHON": "Inspect is found in `evaluate/` in MMHIE_CACHE_DIR.",
    "MMHIE_EVALUATION_LIMITS": EVALUATED,
    "MMHIE_FEEDBACK_DAYS": "It is fixed now: 30 days.",
    "MMHIE_FEEDBACK_HOLD_COUNT": NO_HOLD,
    "MMHIE_FEEDBACK_HOLD_MINUTES": NO_HOLD,
    "MMHIE_FEEDBACK_KEY": "Set MMHIE_VAULT_PUBLIC_KEY, which seals new texts: docs/feedback.md.",
    "MMHIE_FETCH_STALL_SECONDS": "A silent hub is given up after about three "
    "and a half minutes; HF_HUB_DOWNLOAD_TIMEOUT sets the seconds of each attempt.",
    "MMHIE_HEADER_TIMEOUT_SECONDS": FIXED,
    "MMHIE_HEAD_ADDRESS": ONE_MACHINE,
    "MMHIE_JUDGE_API_KEY": "Inspect reads JUDGE_API_KEY and JUDGE_BASE_URL: docs/evaluation.md.",
    "MMHIE_JWKS_REFRESH_SECONDS": "It is fixed now: five minutes, and at once for a new key id.",
    "MMHIE_JWT_LEEWAY_SECONDS": "It is fixed now: 30 seconds.",
    "MMHIE_KEEP_ALIVE_SECONDS": FIXED,
    "MMHIE_MAX_CHOICES": FIXED,
    "MMHIE_MAX_CONNECTIONS": FIXED,
    "MMHIE_MAX_GRAMMAR_WEIGHT": "Schemas have fixed limits, and patterns that stand alone need the "
    "scope `patterns`: docs/limits.md.",
    "MMHIE_MAX_HEADER_BYTES": FIXED,
    "MMHIE_MAX_JSON_DEPTH": FIXED,
    "MMHIE_MAX_LOGPROBS": FIXED,
    "MMHIE_MAX_MESSAGES": FIXED,
    "MMHIE_MAX_TOOLS": FIXED,
    "MMHIE_METRICS_KEYS": "`mmhie audit export --count-by key` counts requests and tokens.",
    "MMHIE_NODES": ONE_MACHINE,
    "MMHIE_NODE_RANK": ONE_MACHINE,
    "MMHIE_NOTICE_READER": NO_READER,
    "MMHIE_NOTICE_READER_SECONDS": NO_READER,
    "MMHIE_OUTPUT_CHECKS": "`mmhie evaluate` measures such errors before the model serves.",
    "MMHIE_PIPELINE_PARALLEL": "MMHIE_DEVICE_MAP=sequential makes a pipeline stage of each GPU.",
    "MMHIE_PIN_DATE": "Set vLLM's VLLM_SYSTEM_START_DATE in the environment (not in .env) instead.",
    "MMHIE_PROTECT_HEALTH": "In production /healthz and /readyz show only the phase without a key.",
    "MMHIE_PROTECT_METRICS": "In production /metrics needs a key with the scope `metrics`.",
    "MMHIE_PROTECT_MODEL_CARD": "/v1/mmhie/model-card needs a key of any scope, as by default.",
    "MMHIE_QUANTIZE_FALLBACK": "A format that cannot run is replaced, with a warning, as before.",
    "MMHIE_REASONING_FIELD": "The field on /v1 is `reasoning`, as vLLM writes it.",
    "MMHIE_REDIS_CA": CA_FILE,
    "MMHIE_REDIS_PREFIX": "Name a database of this service's own in MMHIE_REDIS_URL: "
    "redis://host/1.",
    "MMHIE_REDIS_TIMEOUT_SECONDS": "It is fixed now: one second.",
    "MMHIE_REQUIRE_EVALUATION": EVALUATED,
    "MMHIE_REQUIRE_PURPOSE": CONTEXT,
    "MMHIE_REQUIRE_USER": CONTEXT,
    "MMHIE_ROUTER_POLICY": "It is cache_aware; for another, start vllm-router yourself.",
    "MMHIE_SEND_TIMEOUT_SECONDS": FIXED,
    "MMHIE_STOP_GRACE_SECONDS": "It is MMHIE_DRAIN_SECONDS and ten seconds more.",
    "MMHIE_STREAM_FORMAT": "Send `Accept: text/plain` for a stream of plain text.",
    "MMHIE_V1_TIMEOUT_SECONDS": "MMHIE_TIMEOUT_SECONDS is for /v1, too; unset, /v1 has 600.",
    "MMHIE_WORKERS": "A gateway is one process; run several for more: docs/scale.md.",
}
# The first words of a command line, without `mmhie`; or a command and an option of it.
COMMANDS: Final[Mapping[str, str]] = {
    "accept --out": ACCEPTED,
    "accept --quick": ACCEPTED,
    "accept isolation": "docs/acceptance.md has the commands, under What you check by hand.",
    "accept verify": "`mmhie accept --json` prints the result: archive that.",
    "audit export --copy": "docs/audit.md has the command for a text's digest, under Search.",
    "audit search": "`mmhie audit export` has its options.",
    "audit usage": "`mmhie audit export --count-by key` writes the table.",
    "capacity": "docs/scale.md has the formula and an example, under Sizing.",
    "card": "Write your own TOML or JSON file and name it in MMHIE_MODEL_CARD: docs/api.md.",
    "chat --json": "Ask /v1/chat/completions for an answer as JSON: docs/api.md.",
    "feedback close": "`mmhie feedback show ID --outcome confirmed` closes it.",
    "feedback export --fhir": "It writes JSON lines; `mmhie audit export --fhir` has an AuditEvent "
    "for each flag.",
    "feedback export --with-text": "`--key` alone opens the texts.",
    "feedback list --state": "`mmhie feedback list --all` also has what is closed.",
    "merge-adapter": "`mmhie serve` and `mmhie engine` merge before the first start.",
    "plan --nodes": ONE_MACHINE,
    "plan --verbose": "`mmhie plan` prints reasons and the engine's command line by itself.",
    "engine --json": "The file that MMHIE_PHASE_FILE names has the phase as JSON.",
    "evaluate compare": "`mmhie evaluate --compare FIRST SECOND` compares two runs.",
    "evaluate verify": "Reports are not signed; `inspect view` shows the logs of Inspect.",
    "profiles": "docs/hardware.md has a table of the combinations that have passed.",
    "serve --engines": "Set MMHIE_ENGINES.",
    "serve --json": "GET /healthz has the phase as JSON: docs/api.md.",
    "status --once": "`mmhie status` prints once; `watch mmhie status` repeats it.",
    "vault erase --key": "It takes the gateway's own id, which `mmhie vault open` shows.",
    "version": "`mmhie --version` prints the versions.",
}
