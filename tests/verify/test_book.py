"""What a run remembers is on disk before the next thing is done, and a file that is none is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.verify.book import Book
from exporter.verify.questions import Result, Verdict


def test_what_was_noted_is_known_to_whoever_opens_it_next(tmp_path: Path) -> None:
    book = Book(tmp_path / "new" / "run")
    book.note("place", {"project": "acme-data"})
    book.append("made", ["topic", "t"])
    book.append("made", ["topic", "u"])
    result = Result("A01", Verdict.DIFFERS, "no", 12.5, True, {"delay_s": 3}, {"row": [1]})
    book.conclude(result)
    again = Book(tmp_path / "new" / "run")
    assert again.get("place") == {"project": "acme-data"}
    assert again.get("made") == [["topic", "t"], ["topic", "u"]]
    assert again.results == {"A01": result}
    assert again.names("ma") == ["made"]
    assert again.get("nothing") is None


def test_a_note_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.note("place", "here")
    with pytest.raises(TypeError):
        book.note("bad", {1, 2})
    assert Book(tmp_path).get("place") == "here"
    book.note("good", 1)
    assert Book(tmp_path).get("good") == 1


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"version": 2, "facts": {}, "results": {}}),
        json.dumps({"version": 1, "facts": {}}),
        json.dumps({"version": 1, "facts": {}, "results": {"A01": {"verdict": "perhaps"}}}),
    ],
)
def test_a_file_that_is_no_book_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "verify-run.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"--resume: .*verify-run\.json cannot be used: .*name another directory"):
        Book(tmp_path)


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="--resume"):
        Book(tmp_path / "file")


def test_evidence_that_is_no_json_is_kept_as_words(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.conclude(Result("A01", Verdict.OK, "yes", 0.0, evidence={"at": datetime(2026, 11, 4, tzinfo=UTC)}))
    assert book.results == Book(tmp_path).results
    assert book.results["A01"].evidence == {"at": "2026-11-04 00:00:00+00:00"}
