"""vLLM's own tests that fail behind the gateway, each with the decision about it: a table."""

from typing import Final, NamedTuple

from scripts.render.page import prose, table


class Decision(NamedTuple):
    """Tests of one file of vLLM's `tests/entrypoints`, and what became of them."""

    file: str
    tests: str
    reason: str


STATE = "nothing is stored between requests, and nothing runs on after its caller has left"
DECISIONS: Final = (
    Decision(
        "serve/tokenize/test_tokenization.py",
        "test_tokenizer_info_basic, test_tokenizer_info_schema, "
        "test_tokenizer_info_consistency_with_tokenize, test_tokenizer_info_chat_template",
        "404: it hands out the chat template and files of the model's folder",
    ),
    Decision(
        "serve/instrumentator/test_basic.py",
        "test_show_version",
        "404: the engine's version is in `mmhie.provenance` and in the model card",
    ),
    Decision(
        "serve/instrumentator/test_basic.py",
        "test_server_load",
        "404: `/v1/mmhie/load` has the load of gateway and engine",
    ),
    Decision(
        "serve/instrumentator/test_orca_metrics.py",
        "test_chat_completion_with_orca_header, test_completion_with_orca_header",
        "no header of the engine reaches a caller; a balancer asks `/v1/mmhie/load`",
    ),
    Decision(
        "openai/chat_completion/test_chat_logit_bias_validation.py",
        "test_chat_logit_bias_non_integer_key, test_chat_logit_bias_multiple_non_integer_keys",
        "400 as from the engine; a key that is no number may be text about a patient, and no error "
        "quotes that",
    ),
    Decision(
        "openai/chat_completion/test_chat_completion.py",
        "test_prompt_logprobs, test_top_logprobs",
        "400: -1 means the whole vocabulary for every token; up to `MMHIE_MAX_LOGPROBS` are to be "
        "had",
    ),
    Decision(
        "openai/chat_completion/test_batched_chat_completions.py",
        "test_batched_chat_completions, test_batched_chat_completions_with_json_schema, "
        "test_batched_chat_completions_logprobs_not_token_id_placeholders, "
        "test_batched_chat_completions_return_tokens_as_token_ids, "
        "test_batched_chat_completions_logprob_token_ids",
        "404: one request would be many answers that screening, notices and audit count as one",
    ),
    Decision(
        "generate/generative_scoring, generate/structured_decisions",
        "all",
        "404: `/generative_scoring` and `/v1/systemone` answer with probabilities of labels, past "
        "disclaimer and label",
    ),
    Decision(
        "openai/chat_completion, openai/completion",
        "the cases of `/invocations`",
        "404: a second way to every API, past the limits of each path",
    ),
    Decision(
        "openai/responses/test_stateful.py",
        "test_store, test_background, test_background_cancel, test_cancel_completed",
        STATE,
    ),
    Decision(
        "openai/responses/test_stateful.py",
        "test_background_error",
        "400 as from the engine, in the gateway's own words",
    ),
    Decision(
        "openai",
        "the cases with `kv_transfer_params`",
        "400: internal to the engine; they move a prompt between machines",
    ),
)
INTRO: Final = """## vLLM's own tests

Of the 331 cases of vLLM 0.32's tests for its HTTP API that need nothing but a server, 147 pass
against the engine here (the others want other models). All but the following, which are refused on
purpose, pass through the gateway too.

Of `tool_use`, the hermes parser, `include_reasoning`, function calls, echo and
`openai/responses`, run with the embedded model in place of their own, the cases that end in time
have the same outcome on either side. Most fail on both: that model seldom calls a tool, does not
think and cannot multiply. Not run: `tool_parsers/test_openai_tool_parser` and
`responses/test_harmony` (gpt-oss), `test_granite4_tool_parser`, `test_thinking_token_budget`
(Qwen3), `test_mcp_tools` and `test_parsable_context` (a tool server).

Run once against the gateway and this engine, without a failure that was traced to the gateway: the
clients of openapi-generator and openapi-python-client, schemathesis (18 operations; 501 where
embeddings and feedback are not served; its `Network Error` is its own limit of 10 s,
`--request-timeout`), guidellm, aiperf, `vllm bench serve`, Claude Code, Codex.
"""


def section() -> str:
    """The decisions as Markdown."""
    rows = [[f"`{decision.file}`", decision.tests, decision.reason] for decision in DECISIONS]
    return f"{prose(INTRO)}\n{table(['file', 'tests', 'why refused'], rows)}"
