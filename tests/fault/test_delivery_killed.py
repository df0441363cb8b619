"""Delivery, killed at each step between putting together, sending and noting: one effective message."""

import base64
import copy
import datetime as dt
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.store import Workspace
from tests.delivery.desk import Desk, Thing
from tests.delivery.receivers import hook_server, mail_server

_STRIDE = 5  # an odd number meets steps before and steps after a write
_SECRET = f"whsec_{base64.b64encode(b'0123456789abcdef01234567').decode()}"
_SUBSCRIBERS = """
domain = "kpgeo.example.org"
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "kpgeo@example.org"
[[subscriber]]
id = "a"
email = ["a@example.org", "b@example.org"]
atom = "feed"
folder = "pages"
[[subscriber.webhook]]
url = "{url}"
secrets = [{{ file = "secret" }}]
"""


@pytest.mark.long
@pytest.mark.fault(3)
def test_killed_at_each_step_of_delivery_each_thing_is_told_once(tmp_path: Path, warm: Any) -> None:
    with mail_server() as (mailbox, port), hook_server() as server:
        subscribers = _SUBSCRIBERS.format(port=port, url=server.url)
        ready = _desk(tmp_path / "ready", subscribers)
        calm = _copy(ready, tmp_path / "calm")
        whole = warm.run("deliver", "now", calm.pipeline_path, "--workspace", calm.room.path)
        assert (whole.code, whole.complaint) == (0, "")
        assert 20 < whole.steps < 200
        kills = 0
        for step in range(1, whole.steps + 1, _STRIDE):
            mailbox.raw.clear()
            server.requests.clear()
            desk = _copy(ready, tmp_path / f"step-{step}")
            words = ("deliver", "now", desk.pipeline_path, "--workspace", desk.room.path)
            kills += warm.run(*words, step=step).code == -9
            _let_retries_be_due(desk)
            assert warm.run(*words).code == 0
            _require_told_once(desk, mailbox, server)
        assert kills >= whole.steps // _STRIDE - 1, "this test tests nothing unless it kills"


def _copy(desk: Desk, folder: Path) -> Desk:
    """Return the same desk elsewhere."""
    other = copy.copy(desk)
    other.pipeline_path = Path(shutil.copytree(desk.folder, folder)) / "pipeline.toml"
    other.room = Workspace(folder / "workspace")
    return other


def _desk(folder: Path, subscribers: str) -> Desk:
    desk = Desk(folder, subscribers)
    (folder / "secret").write_text(_SECRET)
    desk.newest = dekad_of(day_of(dt.datetime.now(dt.UTC).date()))
    desk.decide([Thing(1), Thing(2)], first_back=3)
    return desk


def _let_retries_be_due(desk: Desk) -> None:
    """Set the clock of what waits back, as if the pause after an attempt were over."""
    with sqlite3.connect(desk.room.path / "kpgeo.db") as connection:
        connection.execute("UPDATE deliveries SET next_at = made_at")
    connection.close()


def _require_told_once(desk: Desk, mailbox: Any, server: Any) -> None:
    deliveries = desk.deliveries()
    assert sorted(one.channel.partition(":")[0] for one in deliveries) == [
        "atom",
        "email",
        "email",
        "folder",
        "webhook",
    ]
    assert all(str(one.state) == "sent" for one in deliveries)
    ids = {
        kind: {one.id for one in deliveries if one.channel.startswith(kind)} for kind in ("email", "webhook", "folder")
    }
    assert {letter["Message-ID"].strip("<>").partition("@")[0] for letter in mailbox.letters} == ids["email"]
    assert len(set(mailbox.raw)) == 2, "a letter that is sent again is the same letter"
    assert {headers["webhook-id"] for _, headers, _ in server.requests} == ids["webhook"]
    assert len({body for _, _, body in server.requests}) == 1
    assert {path.stem for path in (desk.room.products / "pages").iterdir()} == ids["folder"]
    assert (desk.room.products / "feeds" / "feed.atom").read_text().count("<entry>") == 1
    assert len(list((desk.room.products / "outbox").glob("*.json"))) == 2
    assert not list(desk.room.path.rglob(".tmp-*"))
