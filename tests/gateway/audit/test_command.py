"""`mmhie audit` and the trail of `mmhie hold`, as an operator uses them."""

import hmac
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.file import AuditFile
from gateway.audit.pseudonyms import Pseudonyms
from gateway.audit.rotation import rotated_files
from gateway.cli.hold import LONGEST_REASON
from gateway.safety.labels import keyed_digest
from tests.gateway.audit.conftest import KEY, REQUEST_LINE, Append, Desk, lines, record, set_zone


@pytest.fixture
def trail(append: Append, path: Path) -> Path:
    append([record(number) | {"time": "2026-11-25T01:46:06.262Z"} for number in range(5)])
    return path


def test_a_good_trail(desk: Desk, trail: Path) -> None:
    """Says how many lines, the last one as a checkpoint, and what it could not check."""
    out, _ = desk.run("audit", "verify")
    last = lines(trail)[-1]
    head = f"{last['seq']}:{last['mac']}"

    assert "5 lines are as they were written" in out
    assert head in out
    assert "--checkpoint" in out
    assert "--checkpoint" not in desk.run("audit", "verify", "--checkpoint", head)[0]


def test_a_damaged_trail(desk: Desk, trail: Path) -> None:
    """Exit code 1, each finding with its place."""
    whole = trail.read_bytes()
    trail.write_bytes(whole.replace(b'"number":2', b'"number":7'))
    out, err = desk.run("audit", "verify", exit_code=1)
    assert out.startswith("audit.jsonl:3: edited")
    assert "1 finding" in err

    trail.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    log = trail.with_name("gateway.log")
    last = json.loads(whole.splitlines()[-1])
    told = {"event": "audit_checkpoint", "seq": last["seq"], "mac": last["mac"]}
    log.write_text(f"noise\n2026-11-25 gateway-1 {json.dumps(told)}\n{{audit_checkpoint\n")
    out, _ = desk.run("audit", "verify", "--checkpoint", str(log), exit_code=1)
    assert "cut: lines 4 to 5" in out


@pytest.mark.parametrize("words", ["verify", "show r-1", "export", "patient 7"])
@pytest.mark.parametrize("what", ["a pipe", "a device"])
def test_what_is_no_file_is_not_read(desk: Desk, trail: Path, what: str, words: str) -> None:
    """A pipe would block the command, and a device has no end."""
    trail.unlink()
    os.mkfifo(trail) if what == "a pipe" else trail.symlink_to("/dev/zero")
    _, err = desk.run("audit", *words.split(), exit_code=2)

    assert f"{trail} cannot be read (not a regular file).\n" in err


def test_export(desk: Desk, trail: Path) -> None:
    """As it is, or as FHIR; of a damaged trail what is as it was written."""
    assert desk.run("audit", "export")[0] == trail.read_text()
    resources = [json.loads(line) for line in desk.run("audit", "export", "--fhir")[0].splitlines()]
    assert [resource["resourceType"] for resource in resources] == ["AuditEvent"] * 5
    trail.write_bytes(trail.read_bytes().replace(b'"number":2', b'"number":7'))
    out, err = desk.run("audit", "export", "--fhir", exit_code=1)
    assert len(out.splitlines()) == 4
    assert "left out: 1 of audit.jsonl" in err


LONG_NAME = "some/model-with-a-name-that-is-longer-than-one-would-like-it-to-be-in-a-table"
ANSWERED = {**REQUEST_LINE, "model": LONG_NAME, "warnings": ["harmony_markers_stripped"]}
CUT = {name: ANSWERED[name] for name in list(ANSWERED)[:14]} | {"outcome": "engine_cut"}
KILLED = {
    **{name: ANSWERED[name] for name in ("time", "host", "auth", "route", "notices")},
    "kind": "unfinished",
    "outcome": "unfinished",
    "since": "2026-11-25T01:46:05.000Z",
    "client": "ward\x1b[31m",
}


@pytest.fixture
def asked(append: Append, path: Path) -> Path:
    """A trail of several files with four requests, two of which chose one id."""
    for number, fields in enumerate((ANSWERED, CUT, KILLED, ANSWERED)):
        request = {**fields, "request_id": f"r-{number % 3}"}
        append([record(number) | {"time": ANSWERED["time"]}], [request], rotate_bytes=600)
    assert len(rotated_files(path)) > 2
    return path


def test_one_request_for_a_person(desk: Desk, asked: Path) -> None:
    """Every field of its lines, from any file of the trail; a name does not steer the terminal."""
    told = " ".join(desk.run("audit", "show", "r-0")[0].split())

    assert told.count("is_genuine True") == told.count("request_id r-0") == 2
    for words in (
        *("client ward-7", "address 10.0.0.7", "status 200", "notices MED101", "ms 12.5"),
        *(f"prompt_digest {REQUEST_LINE['prompt_digest']}", "truncated in_answer"),
        *("sampling temperature 0.0 sampling max_tokens 7", LONG_NAME),
    ):
        assert words in told
    out, _ = desk.run("audit", "show", "r-2")
    assert "since" in out
    assert "\x1b" not in out


def test_a_request_whose_line_was_changed(desk: Desk, append: Append, path: Path) -> None:
    """Its account says so, exit code 1; a line that is none is not the request's."""
    append([{"kind": "request", "request_id": "r-9", "client": "ward-7"}])
    path.write_bytes(path.read_bytes().replace(b"ward-7", b"ward-8") + b"\x00\xffr-9\n")
    out, err = desk.run("audit", "show", "r-9", exit_code=1)

    assert "is_genuine  False" in out
    assert "audit verify" in err
    (line,) = json.loads(desk.run("audit", "show", "r-9", "--json", exit_code=1)[0])["lines"]
    assert (line["file"], line["is_genuine"]) == ("audit.jsonl", False)


FORGED = {
    "controls the terminal": '"\\u001b[2Jfield":"\\u001b[2Jvalue"',
    "a label as wide as memory": ",".join(
        [f'"{"k" * 300_000}":1', *(f'"{n}":1' for n in range(9999))]
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_line_that_was_forged_is_shown(desk: Desk, append: Append, path: Path, what: str) -> None:
    """Beside the genuine one; its fields may have any names."""
    append([{"kind": "request", "request_id": "r-9"}])
    forge(path, FORGED[what])
    out, _ = desk.run("audit", "show", "r-9", exit_code=1)

    assert out.count("r-9") == 2
    assert "\x1b" not in out
    assert len(out) < 2_000_000


@pytest.mark.parametrize("part", ['{"a":', "["])
def test_a_line_that_was_forged_too_deep(desk: Desk, append: Append, path: Path, part: str) -> None:
    """It is left out like one that is no JSON, and verified like any other."""
    append([{"kind": "request", "request_id": "r-9"}])
    forge(path, f'"x":{part * 900}1{("}" if "a" in part else "]") * 900}')

    assert desk.run("audit", "show", "r-9")[0].count("r-9") == 1
    assert "left out: 1 of audit.jsonl" in desk.run("audit", "export", exit_code=1)[1]
    assert "audit.jsonl:2: edited" in desk.run("audit", "verify", exit_code=1)[0]


def forge(path: Path, fields: str) -> None:
    """Append a line of this request that was not written with the key."""
    ends = ('{"seq":2,"prev":"' + "0" * 64, '"mac":"' + "0" * 64 + '"}\n')
    with path.open("a") as file:
        file.write(f'{ends[0]}","request_id":"r-9",{fields},{ends[1]}')


def test_hold_and_release_are_in_the_trail(desk: Desk, path: Path) -> None:
    """The operator and the reason, in the gateway's own chain."""
    desk.run("hold", "--reason", "odd answers", "--by", "dr.x", exit_code=1)
    desk.run("release", "--by", "dr.y")
    desk.run("release")

    told = [(line["kind"], line["by"], line.get("reason")) for line in lines(path)]
    assert told == [("hold", "dr.x", "odd answers"), ("release", "dr.y", None)]
    desk.run("audit", "verify")


def test_a_reason_is_short(desk: Desk, path: Path) -> None:
    """Every refused client reads it: one that is too long sets no hold, and says so."""
    _, err = desk.run("hold", "--reason", "x" * (LONGEST_REASON + 1), exit_code=2)

    assert "at most 500. There is no hold yet." in err
    assert not path.with_name("hold.json").exists()


def test_a_hold_does_not_wait_for_the_trail(desk: Desk, path: Path) -> None:
    """It is a switch for safety: it works, and says what is missing."""
    path.write_text("damaged\n")
    out, err = desk.run("hold", "--reason", "odd answers", exit_code=1)

    assert "The hold is in" in out
    assert "could not be written to the audit trail" in err
    assert path.with_name("hold.json").exists()


@pytest.fixture
def pods(path: Path) -> list[Path]:
    """The trails of three pods in one folder, with two requests each, in turns."""
    paths = [path, path.with_name("pod-1.jsonl"), path.with_name("pod-2.jsonl")]
    for number, pod in enumerate(paths):
        file = AuditFile(pod, key=KEY, rotate_bytes=100)
        for minute in (number, number + 3):
            time = f"2026-11-25T01:0{minute}:00.000Z"
            file.append([{**REQUEST_LINE, "time": time, "request_id": f"r-{minute}"}])
    return paths


def test_the_folder_is_one_trail(desk: Desk, pods: list[Path]) -> None:
    """Whoever wrote a line: it is verified, shown, searched in its order and counted."""
    result = json.loads(desk.run("audit", "verify", "--json")[0])
    assert result["heads"].keys() == {pod.name for pod in pods}
    assert "pod-1.jsonl" in desk.run("audit", "show", "r-4")[0]
    out, _ = desk.run("audit", "export", "--client", "ward-7")
    assert [json.loads(line)["request_id"] for line in out.splitlines()] == [
        f"r-{number}" for number in range(6)
    ]
    assert "ward-7,6," in desk.run("audit", "export", "--count-by", "key")[0]
    assert len(desk.run("audit", "export", "--file", str(pods[1]))[0].splitlines()) == 3


def test_another_trail_that_was_damaged(desk: Desk, pods: list[Path]) -> None:
    """It is found, and named, whatever was done to it; a copy without a lock is none of ours."""
    pods[0].with_name("copy.jsonl").write_text("{}\n")
    whole = pods[2].read_bytes()
    for content in (b"{}\n", whole.replace(b"ward-7", b"ward-8"), whole[: len(whole) // 2]):
        pods[2].write_bytes(content)
        out, _ = desk.run("audit", "verify", exit_code=1)
        assert out.splitlines()[-1].startswith("pod-2.jsonl")
    AuditFile(pods[0].with_name("old.jsonl"), key="o" * 32).append([record(1)])
    pods[2].write_bytes(whole)
    out, err = desk.run("audit", "export")
    assert "old.jsonl was written with another MMHIE_AUDIT_KEY" in err
    assert "old.jsonl: everywhere: wrong key" in desk.run("audit", "verify", exit_code=1)[0]


TEXT = "Take one tablet.\nThen rest."
NAMES = Pseudonyms.of(KEY)
EVENTS: list[dict[str, Any]] = [
    {
        "kind": "request",
        "time": "2026-11-28T10:32:07.000Z",
        "request_id": "r-1",
        "client": "ward",
        "user": "dr.weber",
        "patient": NAMES.patient("MRN-0042"),
        "route": "/llm/generate",
        "status": 429,
        "outcome": "too_busy",
        "model": "m",
        "notices": ["MED101"],
        "output_digests": [keyed_digest(b"d" * 32, TEXT)],
    },
    {
        "kind": "feedback",
        "time": "2026-11-28T11:00:00.000Z",
        "request_id": "r-1",
        "feedback_id": "fb-1",
        "category": "signed_off",
        "client": NAMES.user("dr.hidden"),
        "auth": "key",
        "reviewer": "Dr Example",
    },
    {
        "kind": "feedback_closed",
        "time": "2026-11-28T12:00:00.000Z",
        "request_id": "r-1",
        "feedback_id": "fb-1",
        "by": "officer",
        "outcome": "unfounded",
    },
]


@pytest.fixture
def events(append: Append, path: Path) -> Path:
    """A trail of an answer, its sign-off, and what came of that."""
    append(EVENTS)
    return path


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--since", "2026-11-28T10:32", "--until", "2026-11-28T10:33"), 1),
        (("--client", "ward"), 1),
        (("--person", "Dr Example"), 1),
        (("--person", "officer"), 1),
        (("--request", "r-1"), 3),
        (("--person", "dr.hidden"), 1),
        (("--patient", "Patient/mrn-0042"), 1),
        (("--patient", "MRN-0042", "--person", "officer"), 0),
        (("--notice", "MED101"), 1),
        (("--since", "2h"), 0),
        (("--until", "1m"), 3),
        (("--route", "/llm/generate"), 1),
        (("--outcome", "too_busy"), 1),
        (("--outcome", "429", "--route", "/llm/generate"), 1),
        (("--outcome", "200"), 0),
    ],
)
def test_the_trail_is_searched(
    desk: Desk, events: Path, options: tuple[str, ...], count: int
) -> None:
    """By time, person, outcome and the like; all that are given have to fit."""
    out, err = desk.run("audit", "export", *options, exit_code=0 if count else 1)

    assert len(out.splitlines()) == count
    assert count or "fits" in err


def test_a_patient_of_an_earlier_version_is_found_as_spelled_then(
    desk: Desk, append: Append, path: Path
) -> None:
    """It took identifiers as they came. A search that finds nobody names the forms it tried."""
    digest = hmac.digest(NAMES.key, b"patient:943 476 5919", "sha256").hex()
    append([{**EVENTS[0], "patient": f"patient:{digest[:32]}"}])
    found, _ = desk.run("audit", "export", "--patient", "943 476 5919")
    _, err = desk.run("audit", "export", "--patient", "9434765919", exit_code=1)

    assert len(found.splitlines()) == 1
    assert "looked for as an NHS number, and letter for letter" in err
    assert "9434765919" not in err


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-11-28T11:32:07", 3),
        ("2026-11-28T11:32:08", 2),
        ("2026-11-28T10:32:07Z", 3),
        ("2026-11-28T12:32:07+02:00", 3),
        ("2026-11-28", 3),
        ("2026-11-29", 0),
    ],
)
def test_a_time_is_in_the_zone_of_the_site(
    desk: Desk, events: Path, since: str, count: int
) -> None:
    """Unless it names its own; the first event was at 11:32:07 there."""
    with set_zone("CET-1"):
        out, _ = desk.run("audit", "export", "--since", since, exit_code=0 if count else 1)

    assert len(out.splitlines()) == count


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-45", "2026-02-30", "0000", "\uff12026-11-28"]
)
def test_what_is_no_time_is_refused(desk: Desk, events: Path, text: str) -> None:
    """With the forms that are."""
    assert "is no time" in desk.run("audit", "export", "--until", text, exit_code=2)[1]


@pytest.mark.parametrize("name", ["", "\udcff\udcfe"])
@pytest.mark.parametrize(
    "words", ["patient", "export --patient", "export --person", "export --client"]
)
def test_a_name_that_is_none(desk: Desk, append: Append, words: str, name: str) -> None:
    """An empty variable of a script, or an argument that is not UTF-8, names nobody."""
    append([REQUEST_LINE])
    out, err = desk.run("audit", *words.split(), name, exit_code=1)

    assert out == ""
    assert "No line of the trail fits" in err


def test_what_cannot_be(desk: Desk, trail: Path) -> None:
    """One sentence, and nothing is shown."""
    out, err = desk.run("audit", "show", "nope", exit_code=1)
    assert out == ""
    assert "belongs to this request" in err

    def complaint(*arguments: str) -> str:
        return desk.run("audit", "verify", *arguments, exit_code=2)[1]

    assert "--checkpoint is neither" in complaint("--checkpoint", "none")
    beyond = trail.with_name("beyond")
    beyond.write_text('{"event":"audit_checkpoint","seq":99999999999999999999,"mac":""}')
    assert "--checkpoint is neither" in complaint("--checkpoint", str(beyond))
    assert "cannot be read" in complaint("--file", "none")
    desk.monkeypatch.delenv("MMHIE_AUDIT_FILE")
    assert "must be set" in complaint()
