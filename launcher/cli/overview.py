"""The text that `mmhie` alone prints: every command in a line, by what a person wants to do."""

TASKS = {
    "Use": {
        "serve": "start and supervise the engine and the gateway",
        "chat": "chat with the model, or pipe in one question",
        "status": "phase, requests, tokens per second, KV cache",
    },
    "Prepare": {
        "plan": "what would run here, or on other hardware, and why",
        "doctor": "check settings, weights, memory, disk and port",
        "fetch": "download a model",
        "merge-adapter": "merge a LoRA adapter into its base",
        "profiles": "known-good combinations of model and card",
        "capacity": "engines, GPUs and gateways that a load needs",
        "engine": "run only the engine, for a gateway elsewhere",
    },
    "Prove": {
        "accept": "start, measure, judge; a signed report",
        "evaluate": "medical quality and safety; a signed report",
    },
    "Operate": {
        "hold": "take the model out of service",
        "release": "put it back into service",
        "keys": "create, list and revoke API keys",
        "audit": "verify, show and export the audit trail",
        "vault": "open and erase answers in the answer vault",
        "feedback": "list, show, export and close feedback on answers",
        "card": "the operator's part of the model card",
        "version": "versions of this program, Python and the engine",
    },
}


def overview() -> str:
    """Return the page: 22 lines, which leave room for the prompt on a terminal of 24."""
    rows = [
        f"{'' if name != next(iter(commands)) else task:9}{name:15}{meaning}"
        for task, commands in TASKS.items()
        for name, meaning in commands.items()
    ]
    first = "Usage: mmhie COMMAND [OPTIONS] | COMMAND -h | --version | --install-completion"
    return "\n".join([first, *rows, ""])
