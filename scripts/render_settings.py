"""Write docs/settings.md and .env.example from the settings classes; `--check` only compares."""

import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.settings import PREFIX, GatewaySettings
from launcher.settings import LauncherSettings

ROOT = Path(__file__).parent.parent
ORIGINAL = (
    "reasoner_model",
    "device",
    "device_map",
    "max_tokens",
    "streaming",
    "quantize",
    "timeout_seconds",
    "max_input_length",
    "reasoner_model_test_override",
)
SDK = {
    "MMHIE_URL": ("http://127.0.0.1:8000", "Where the SDK finds the gateway; or `unix:/path`."),
    "MMHIE_API_KEY": ("unset", "Key the SDK sends to the gateway. Secret."),
    "MMHIE_BACKEND": ("remote", "`remote` asks a gateway; `local` starts one as a child."),
}
INTRO = """# Settings

Every setting is an environment variable, or a line of a `.env` file in the working folder. An
unknown `MMHIE_*` name or a bad value stops the program with exit code 2 and one sentence. Blank
means unset. This page is generated (`make docs`).
"""


def main() -> int:
    """0 when the files are (now) as the classes say, 1 when --check finds a difference."""
    wanted = {ROOT / "docs" / "settings.md": page(), ROOT / ".env.example": example()}
    stale = [
        path for path, text in wanted.items() if not path.is_file() or path.read_text() != text
    ]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the settings say; run `make docs`.")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
    return 0


def fields() -> dict[str, tuple[str, FieldInfo]]:
    """Every field by name, with the programs that read it."""
    gateway, launcher = GatewaySettings.model_fields, LauncherSettings.model_fields
    both = {name: ("gateway, launcher", gateway[name]) for name in gateway if name in launcher}
    only = {name: ("gateway", field) for name, field in gateway.items()}
    return {name: ("launcher", field) for name, field in launcher.items()} | only | both


def page() -> str:
    known = fields()
    sections = {
        "From the first release": list(ORIGINAL),
        "Launcher": [n for n, (who, _) in known.items() if n not in ORIGINAL and who == "launcher"],
        "Gateway": [n for n, (who, _) in known.items() if n not in ORIGINAL and who != "launcher"],
    }
    parts = [INTRO]
    for title, names in sections.items():
        rows = [row(PREFIX + name.upper(), *known[name]) for name in names]
        parts.append(f"## {title}\n\n{table(rows)}")
    sdk = [f"| `{name}` | {default} | sdk | {text} |" for name, (default, text) in SDK.items()]
    parts.append(f"## SDK\n\n{table(sdk)}")
    return "\n".join(parts)


def table(rows: list[str]) -> str:
    head = "| variable | default | read by | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def row(name: str, who: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|")
    if choices := literals(field.annotation):
        meaning += " One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
    return f"| `{name}` | {default(field)} | {who} | {meaning} |"


def literals(annotation: Any) -> tuple[str, ...]:
    """The choices of a Literal, wherever it stands in the annotation."""
    if get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in get_args(annotation))
    return tuple(choice for part in get_args(annotation) for choice in literals(part))


def default(field: FieldInfo) -> str:
    if field.default in (None, ()):
        return "unset"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, tuple):
        return f"`{','.join(field.default)}`"
    return f"`{field.default}`"


def example() -> str:
    """A .env in which every line is commented out: the defaults as they are."""
    lines = ["# Copy to .env and uncomment what you change. Generated (`make docs`).", ""]
    for name, (_, field) in fields().items():
        value = "" if field.default in (None, ()) else default(field).strip("`")
        secret = " Secret." if field.annotation == SecretStr | None else ""
        lines += [f"# {field.description}{secret}", f"#{PREFIX}{name.upper()}={value}", ""]
    for name, (value, text) in SDK.items():
        lines += [f"# {text}", f"#{name}={'' if value == 'unset' else value}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
