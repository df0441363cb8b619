"""`kpgeo deliver`: what would be sent, what waits, why it failed, and trying again; nothing steers the terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kpgeo import cli
from tests.delivery.desk import Desk, Thing
from tests.delivery.receivers import mail_server, rude_server
from tests.servers.programs import free_port

_MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "kpgeo@example.org"
[[subscriber]]
id = "a"
email = ["a@example.org"]
"""


def _kpgeo(*args: object) -> tuple[int, Any, str]:
    result = CliRunner().invoke(cli.app, [*map(str, args), "--json"])
    return result.exit_code, json.loads(result.stdout.rstrip().split("\n")[-1]), result.stdout + result.stderr


def test_check_now_list_and_retry(tmp_path: Path) -> None:
    port = free_port()
    desk = Desk(tmp_path, _MAIL.format(port=port))
    desk.decide([Thing(1)])
    here = ("--workspace", desk.room.path)
    code, checked, said = _kpgeo("deliver", "check", desk.pipeline_path, *here, "--out", tmp_path / "out")
    assert (code, len(checked["channels"][0]["subjects"])) == (0, 1)
    assert "[KP ONLY] kpgeo, Here: 1 × confirmed" in said
    assert len(list((tmp_path / "out").iterdir())) == 2
    code, report, said = _kpgeo("deliver", "now", desk.pipeline_path, *here)
    assert (code, report["made"], report["waiting"]) == (0, 1, 1)
    assert "delivery tried again at" in said
    code, listed, said = _kpgeo("deliver", "list", *here)
    (one,) = listed["deliveries"]
    assert (one["state"], one["attempts"], one["channel"]) == ("waiting", 1, "email:a@example.org")
    assert "Connection refused" in said
    assert _kpgeo("deliver", "retry", one["id"], *here)[1]["attempts"] == 0
    with mail_server(port=port) as (mailbox, _):
        assert _kpgeo("deliver", "now", desk.pipeline_path, *here)[1]["sent"][0]["id"] == one["id"]
    assert len(mailbox.raw) == 1
    assert _kpgeo("deliver", "list", *here)[1]["deliveries"] == []
    assert _kpgeo("deliver", "list", *here, "--all")[1]["deliveries"][0]["state"] == "sent"
    code, refused, _ = _kpgeo("deliver", "retry", one["id"], *here)
    assert code == 2
    assert "not sent twice" in refused["error"]


@pytest.mark.fault(38)
def test_what_a_server_says_does_not_steer_the_terminal(tmp_path: Path) -> None:
    with rude_server(lambda connection: connection.sendall(b"554 \x1b[2J\x1b]0;x\x07 go away\r\n")) as port:
        desk = Desk(tmp_path, _MAIL.format(port=port))
        desk.decide([Thing(1)])
        _kpgeo("deliver", "now", desk.pipeline_path, "--workspace", desk.room.path)
        _, listed, said = _kpgeo("deliver", "list", "--workspace", desk.room.path)
    assert "go away" in listed["deliveries"][0]["error"]
    assert "\x1b" not in said
    assert "\x07" not in said


def test_check_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KP_HOOK", raising=False)
    hook = '[[subscriber.webhook]]\nurl = "https://h.example.org/"\nsecrets = [{ env = "KP_HOOK" }]\n'
    desk = Desk(tmp_path, f'[[subscriber]]\nid = "a"\n{hook}')
    desk.decide([Thing(1)])
    code, checked, _ = _kpgeo("deliver", "check", desk.pipeline_path, "--workspace", desk.room.path)
    assert code == 3
    assert "KP_HOOK" in checked["channels"][0]["missing"][0]


def test_a_pipeline_without_subscribers_says_how_to_name_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "")
    desk.pipeline_path.write_text(desk.pipeline_path.read_text().replace('subscribers = "subscribers.toml"', ""))
    code, said, _ = _kpgeo("deliver", "check", desk.pipeline_path, "--workspace", desk.room.path)
    assert code == 2
    assert "[deliver]" in said["error"]
    assert _kpgeo("deliver", "now", desk.pipeline_path, "--workspace", desk.room.path)[0] == 0
