"""Review and ledger by their commands: what is said, what is refused, and with which exit code."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpgeo import cli
from kpgeo.store import Workspace
from tests.flows.test_reviewing import AOI, LINEAGE, decide, site_of

AWA, BAKARY = "Awa Koné", "Bakary T."


@pytest.fixture
def alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a workspace with one alert, work in it, and return the alert."""
    room = Workspace(tmp_path / "workspace")
    watched = {"lineage": LINEAGE, "reference": AOI, "run_id": "r", "folder": str(tmp_path), "pipeline": {}}
    (room.path / "watched.json").write_text(json.dumps({AOI: watched}))
    tables = room.tables()
    try:
        (alert_id,) = decide(tables, [site_of("a")])
    finally:
        tables.close()
    monkeypatch.setenv("KPGEO_WORKSPACE", str(room.path))
    monkeypatch.delenv("KPGEO_ANALYST", raising=False)
    return alert_id


def kpgeo(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


def last_json(stdout: str) -> dict:
    return json.loads(stdout.rstrip().split("\n")[-1])


def do(*args: object) -> dict:
    code, out, err = kpgeo("review", *args, "--json")
    assert code == 0, err
    return last_json(out)


def refuse(*args: object) -> str:
    code, out, err = kpgeo("review", *args)
    assert code == 2, out
    assert "Traceback" not in err
    return err


@pytest.mark.fault(47)
def test_an_alert_through_all_its_states(alert: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Give your name with --by, or set KPGEO_ANALYST" in refuse("triage", alert)
    monkeypatch.setenv("KPGEO_ANALYST", AWA)
    assert do("triage", alert)["review"]["state"] == "triaged"
    assert "[illegal-step]" in refuse("confirm", alert)
    seen = do("begin", alert)["review"]["seen"]
    first = do("confirm", alert, "--seen", seen)
    again = do("confirm", alert, "--seen", seen)
    assert (first["is_new"], again["is_new"], again["entry"]) == (True, False, first["entry"])
    assert "Somebody stepped in between: `confirm` by Awa Koné" in refuse("dismiss", alert, "--seen", seen)
    assert "[another-person]" in refuse("audit", alert, "--by", "awa  koné")
    do("audit", alert, "--by", BAKARY)
    assert "[locked]" in refuse("undo", alert, "--by", BAKARY)
    assert "[another-person]" in refuse("publish", alert)
    do("publish", alert, "--by", BAKARY)
    assert "Withdraw it first" in refuse("reopen", alert, "--text", "no")
    assert "[text-missing]" in refuse("withdraw", alert)
    assert do("withdraw", alert, "--text", "A quarry.")["review"]["text"] == "A quarry."
    assert do("reopen", alert, "--text", "A new image.")["review"]["state"] == "in-review"
    assert "[reason-missing]" in refuse("dismiss", alert)
    assert do("dismiss", alert, "--reason", "road-quarry")["review"]["reason"] == "road-quarry"
    assert do("undo", alert)["review"]["state"] == "in-review"
    assert do("needs", alert, "imagery")["review"]["state"] == "needs-imagery"
    assert "Say imagery or field" in refuse("needs", alert, "money")
    assert "There is no alert" in refuse("duplicate", alert, "--of", "alert-x")
    shown = do("show", alert)
    assert "begin" in shown["open"]
    assert shown["entries"][0]["actor"] == AWA
    assert len(shown["entries"]) == 10


def test_the_queue_and_one_alert_are_shown_in_words(alert: str) -> None:
    code, out, _ = kpgeo("review", "list", "--language", "fr")
    assert (code, alert in out, "nouvelle" in out) == (0, True, True)
    do("note", alert, "--by", AWA, "--text", "Seen\nfrom the road")
    do(
        "field",
        alert,
        "visited-not-found",
        "--on",
        "2026-01-05",
        "--visitor",
        "Moussa",
        "--by",
        AWA,
        "--photo",
        "a" * 64,
    )
    assert "is still to come" in refuse(
        "field", alert, "visited-confirmed", "--on", "2999-01-05", "--visitor", "M", "--by", AWA
    )
    code, out, _ = kpgeo("review", "show", alert, "--by", BAKARY)
    assert code == 0
    for part in ("Note of Awa Koné: Seen from the road", "visited, no digging found", "Open to Bakary T.: triage"):
        assert part in out
    assert do("list", "--mine", "--by", AWA)["in_all"] == 0
    assert "Nobody says" in refuse("list", "--mine")


def test_reasons_are_listed_in_three_languages() -> None:
    for language, word in (("en", "fire scar"), ("fr", "trace de feu"), ("pt", "cicatriz de queimada")):
        code, out, _ = kpgeo("review", "reasons", "--language", language)
        assert (code, word in out) == (0, True)


def test_score_and_second_verdicts(alert: str) -> None:
    for act in ("triage", "begin", "confirm"):
        do(act, alert, "--by", AWA)
    assert do("sample", "--by", AWA)["sample"] == []
    (drawn,) = do("sample", "--by", BAKARY)["sample"]
    assert drawn["alert"] == alert
    assert "verdict" not in drawn
    assert "[another-person]" in refuse("second", alert, "confirmed", "--by", AWA)
    assert "[reason-missing]" in refuse("second", alert, "dismissed", "--by", BAKARY)
    do("second", alert, "dismissed", "--reason", "farming", "--by", BAKARY)
    assert do("sample", "--by", BAKARY)["sample"] == []
    found = do("score")
    assert found["groups"][0]["confirmed"] == 1
    assert found["agreement"]["pairs"] == 1
    assert found["agreement"]["agreed"] == 0


def test_hostile_text_does_not_reach_the_terminal(alert: str, tmp_path: Path) -> None:
    assert "cannot stand in a text" in refuse("note", alert, "--by", AWA, "--text", "x\x1b[2Jy")
    assert "is not part of a name" in refuse("triage", alert, "--by", "Awa\u202e")
    room = tmp_path / "workspace"
    do("note", alert, "--by", AWA, "--text", "plain")
    with closing(sqlite3.connect(room / "kpgeo.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE ledger SET body = replace(body, 'plain', 'p\\u001b[31m\\u202elain')")
        connection.commit()
    for command in (("review", "show", alert), ("ledger", "show")):
        code, out, _ = kpgeo(*command)
        assert code == 0
        assert "\x1b" not in out
        assert "\u202e" not in out


@pytest.mark.fault(46)
def test_the_ledger_is_checked_shown_and_copied(alert: str, tmp_path: Path) -> None:
    do("triage", alert, "--by", AWA)
    code, out, _ = kpgeo("ledger", "verify", "--json")
    found = last_json(out)
    assert code == 0
    assert found["entries"] == 3
    copy = tmp_path / "ledger.jsonl"
    assert kpgeo("ledger", "export", "--out", copy)[0] == 0
    lines = [json.loads(line) for line in copy.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert lines[-1]["digest"] == found["digest"]
    assert (
        last_json(kpgeo("ledger", "show", "--about", alert, "--kind", "review", "--json")[1])["entries"] == lines[-1:]
    )
    with closing(sqlite3.connect(tmp_path / "workspace" / "kpgeo.db")) as connection:
        connection.execute("DROP TRIGGER ledger_no_delete")
        connection.execute("DELETE FROM ledger WHERE seq = 3")
        connection.commit()
    assert kpgeo("ledger", "verify")[0] == 0
    code, _, err = kpgeo("ledger", "verify", "--head", found["head"])
    assert code == 5
    assert "Entries 3 to 3 of the ledger are missing" in err
    with closing(sqlite3.connect(tmp_path / "workspace" / "kpgeo.db")) as connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET actor = 'Eve' WHERE seq = 2")
        connection.commit()
    for command in (("verify",), ("export", "--out", copy)):
        code, _, err = kpgeo("ledger", *command)
        assert code == 5
        assert "Entry 2 was changed after it was written" in err
