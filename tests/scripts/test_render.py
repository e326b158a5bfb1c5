"""Generated documents are current, and one command writes and compares them."""

from pathlib import Path

import pytest

from scripts.render import __main__ as render
from scripts.render import settings, sync_client


def test_a_stale_page_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check exits with 1 and names the file; without it the file is written, once."""
    file = tmp_path / "page.txt"
    file.write_text("old")
    monkeypatch.setattr(settings, "pages", lambda: {file: "new"})
    monkeypatch.setattr(sync_client, "pages", dict)
    monkeypatch.setattr(render, "DOCS", tmp_path)
    monkeypatch.setattr(render, "ROOT", tmp_path)

    assert render.main(["--check"]) == 1
    assert "page.txt is out of date: run `make docs`." in capsys.readouterr().err
    assert file.read_text() == "old"

    assert render.main([]) == 0
    assert file.read_text() == "new"
    assert "page.txt" in capsys.readouterr().out

    assert render.main([]) == render.main(["--check"]) == 0
    assert capsys.readouterr().out == ""
