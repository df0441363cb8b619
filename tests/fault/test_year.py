"""Months of a simulated world, day by day on a simulated clock, with everything that goes wrong while nobody looks.

Scenes appear in the catalogue days after they were sensed. Runs are asked for each morning, as a timer does; some are
killed, two are begun at once, the disk is full once, the mail server is gone for a week. In the end the tables are
those of a calm run, every subscriber was told everything once, and the ledger is whole. `KPGEO_YEAR_DAYS` and
`KPGEO_YEAR_KILLS` make it longer: 365 and 200 are a year.
"""

import dataclasses
import datetime as dt
import hashlib
import http.server
import json
import os
import random
import shutil
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from kpgeo.options.sim import SimOptions
from kpgeo.sim import write_world
from kpgeo.store import Workspace
from tests.servers.programs import free_port

_DAYS = int(os.environ.get("KPGEO_YEAR_DAYS", "30"))
_KILLS = int(os.environ.get("KPGEO_YEAR_KILLS", "20"))
_AFTER = 10  # days without new scenes, in which what waits goes out
_BEGIN = dt.date(2027, 1, 1)  # later than today: pixel state keeps the machine's own time, and never goes back
_MOST_LATE_DAYS = 5
_EAGER = """
[sites]
seed_prob = 0.3
grow_prob = 0.15
min_area_ha = 0.02

[alerts]
min_area_ha = 0.02
first_confidence = 0.2
provisional_confidence = 0.2
confirm_confidence = 0.3

[wire]
private_hosts = ["127.0.0.1"]

[schedule]
every = "day"
tries_per_hour = 60

[deliver]
subscribers = "subscribers.toml"
first_retry_s = 60.0
"""


@dataclasses.dataclass
class Receivers:
    """A mail server and a web server on this machine, and the ids of what they took."""

    mail_port: int
    hook_port: int
    mails: Counter[str] = dataclasses.field(default_factory=Counter)
    hooks: Counter[str] = dataclasses.field(default_factory=Counter)
    is_down: bool = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        if self.is_down:
            return "451 gone for a week"
        (line,) = [line for line in envelope.content.splitlines() if line.lower().startswith(b"message-id:")]
        self.mails[line.split(b":", 1)[1].strip().decode()] += 1
        return "250 taken"


@contextmanager
def _receivers() -> Iterator[Receivers]:
    taken = Receivers(mail_port=0, hook_port=0)

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken.hooks[self.headers["webhook-id"]] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    taken.hook_port = web.server_address[1]
    threading.Thread(target=web.serve_forever, daemon=True).start()
    taken.mail_port = free_port()
    mail = Controller(taken, hostname="127.0.0.1", port=taken.mail_port)
    mail.start()
    try:
        yield taken
    finally:
        mail.stop()
        web.shutdown()
        web.server_close()


def _subscribers(taken: Receivers) -> str:
    return f"""
domain = "kpgeo.example.org"

[mail]
host = "127.0.0.1"
port = {taken.mail_port}
security = "none"
sender = "kpgeo@example.org"

[[subscriber]]
id = "analyst"
email = ["analyst@example.org"]
frequency = "each-run"

[[subscriber]]
id = "focal-point"
language = "fr"
email = ["focal@example.org"]
atom = "focal"
frequency = "weekly"
hour = 5

[[subscriber]]
id = "registry"

[[subscriber.webhook]]
url = "http://127.0.0.1:{taken.hook_port}/kpgeo"
secrets = [{{ env = "KPGEO_YEAR_HOOK" }}]
"""


class Archive:
    """A catalogue whose scenes appear days after they were sensed."""

    def __init__(self, world: Path) -> None:
        self._whole = {path: json.loads(path.read_bytes()) for path in world.glob("*/collection.json")}

    def release(self, day: dt.date) -> None:
        """Let the catalogue name what has appeared by a day."""
        for path, content in self._whole.items():
            links = [link for link in content["links"] if link["rel"] != "item" or self._appears(path, link) <= day]
            path.write_text(json.dumps({**content, "links": links}), encoding="utf-8")

    def _appears(self, collection: Path, link: dict[str, str]) -> dt.date:
        item = json.loads((collection.parent / link["href"]).read_bytes())
        sensed = dt.datetime.fromisoformat(item["properties"]["datetime"]).date()
        late = hashlib.sha256(item["id"].encode()).digest()[0] % (_MOST_LATE_DAYS + 1)
        return sensed + dt.timedelta(days=late)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = SimOptions(
        size_px=128,
        start=dt.date(_BEGIN.year - 1, 1, 1),
        history_years=1.0,
        monitored_years=0.5 if _DAYS <= 180 else 1.0,
        site_density=3.0,
        cloud=0.5,
        missing_frac=0.65,
        duplicate_frac=0.1,
    )
    written = write_world(tmp_path_factory.mktemp("years") / "world", options)
    with written.pipeline.open("a", encoding="utf-8") as stream:
        stream.write(_EAGER)
    return written.folder


@dataclasses.dataclass
class Watchman:
    """Asks for a run each morning until one is done, and keeps count of how they ended."""

    warm: Any
    world: Path
    workspace: Path
    ends: list[Any] = dataclasses.field(default_factory=list)

    def ask(self, day: dt.date, minute: int, **how: Any) -> Any:
        now = dt.datetime.combine(day, dt.time(6), tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
        words = ("run", self.world / "pipeline.toml", "--if-due", "--workspace", self.workspace, "--cluster", "sync")
        end = self.warm.run(*words, now=now.isoformat(), **how)
        self.ends.append(end)
        return end

    def ask_until_done(self, day: dt.date, minute: int) -> Any:
        end = self.ask(day, minute)
        assert end.code in (0, 3), f"{day}: exit {end.code}: {end.complaint}"
        return end


@pytest.mark.long
@pytest.mark.fault(3)
@pytest.mark.fault(4)
@pytest.mark.fault(5)
def test_whatever_goes_wrong_no_alert_is_lost_and_none_is_told_twice(
    world: Path, tmp_path: Path, warm_runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KPGEO_YEAR_HOOK", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    archive = Archive(world)
    with warm_runs() as warm:
        learnt = _learn(Watchman(warm, world, tmp_path / "learnt"), archive)
    calm, stormy = (Path(shutil.copytree(learnt, tmp_path / name)) for name in ("calm", "stormy"))
    with _receivers() as taken:
        (world / "subscribers.toml").write_text(_subscribers(taken), encoding="utf-8")
        with warm_runs() as warm:
            typical_s = _live_calmly(Watchman(warm, world, calm), archive)
        expected = _story(calm, taken)
    with _receivers() as taken:
        (world / "subscribers.toml").write_text(_subscribers(taken), encoding="utf-8")
        with warm_runs() as warm, warm_runs() as rival:
            watchmen = (Watchman(warm, world, stormy), Watchman(rival, world, stormy))
            killed = _live_in_a_storm(watchmen, archive, taken, typical_s)
        story = _story(stormy, taken)
    assert killed >= _KILLS
    assert expected["told"]["email:analyst@example.org"], "nobody was told anything: this test tests nothing"
    assert _differences(story["told"], expected["told"]) == []
    assert story == expected


def _learn(watchman: Watchman, archive: Archive) -> Path:
    """Return a workspace that has learnt the baseline; nobody was told anything yet."""
    archive.release(_BEGIN)
    (watchman.world / "subscribers.toml").write_text("", encoding="utf-8")
    words = ("run", watchman.world / "pipeline.toml", "--workspace", watchman.workspace, "--cluster", "sync")
    end = watchman.warm.run(*words, "--until", _BEGIN.isoformat(), now=f"{_BEGIN}T00:30:00+00:00")
    assert end.code == 0, end.complaint
    return watchman.workspace


def _days() -> Iterator[dt.date]:
    for number in range(_DAYS + _AFTER):
        yield _BEGIN + dt.timedelta(days=number)


def _live_calmly(watchman: Watchman, archive: Archive) -> float:
    """Live through all days; return how long a run that had something to do takes (s)."""
    for day in _days():
        archive.release(min(day, _BEGIN + dt.timedelta(days=_DAYS)))
        watchman.ask_until_done(day, 0)
    return sorted(end.seconds for end in watchman.ends)[-len(watchman.ends) // 4]


def _live_in_a_storm(watchmen: tuple[Watchman, Watchman], archive: Archive, taken: Receivers, typical_s: float) -> int:
    """Live through all days with all that goes wrong; return how many runs were killed."""
    watchman, rival = watchmen
    dice = random.Random(200)
    due = Counter(dice.choices(range(_DAYS), k=2 * _KILLS))
    gone, full, twice = range(_DAYS // 3, _DAYS // 3 + 7), _DAYS // 2, 2 * _DAYS // 3
    killed = 0
    for number, day in enumerate(_days()):
        archive.release(min(day, _BEGIN + dt.timedelta(days=_DAYS)))
        taken.is_down = number in gone
        minute = 0
        for turn in range(due[number]):
            when = {"step": dice.randint(1, 60)} if turn % 2 else {"seconds": dice.uniform(0.05, typical_s)}
            killed += watchman.ask(day, minute, **when).code < 0
            minute += 3
        if number == full:
            assert watchman.ask(day, minute, most_bytes=4096).code in (0, 2, 5)
            minute += 3
        if number == twice:
            other = threading.Thread(target=rival.ask, args=(day, minute))
            other.start()
            watchman.ask_until_done(day, minute)
            other.join()
            assert rival.ends[-1].code in (0, 3), rival.ends[-1].complaint
        watchman.ask_until_done(day, minute)
    return killed


def _story(workspace: Path, taken: Receivers) -> dict[str, Any]:
    """Return what a workspace knows and what everybody was told, without how often runs had to be begun."""
    room = Workspace(workspace)
    with closing(room.tables()) as tables:
        tables.ledger.verify()
        entries = tables.ledger.entries()
        digest = tables.digest(with_history=True)
    told = _told(workspace, taken)
    kept = sorted(
        json.dumps([entry.kind, entry.subject, {**entry.body, "snapshot": ""}], sort_keys=True)
        for entry in entries
        if entry.kind.startswith("alert-event")
    )
    assert not list(workspace.rglob(".tmp-*"))
    return {"digest": digest, "told": told, "ledger": kept}


def _told(workspace: Path, taken: Receivers) -> dict[str, list[str]]:
    """Return by channel which items were told; each was told in one message, and every message was taken."""
    with closing(sqlite3.connect(workspace / "kpgeo.db")) as connection:
        rows = list(connection.execute("SELECT id, channel, items, state, kind FROM deliveries"))
    told: dict[str, list[str]] = defaultdict(list)
    for _, channel, items, state, kind in rows:
        assert state == "sent", (channel, state)
        told[channel] += json.loads(items)
        assert kind
    for channel, items in told.items():
        assert len(items) == len(set(items)), f"told twice by {channel}"
    mails = {row[0] for row in rows if row[1].startswith("email:")}
    hooks = {row[0] for row in rows if row[1].startswith("webhook:")}
    assert {message.strip("<>").partition("@")[0] for message in taken.mails} == mails
    assert set(taken.hooks) == hooks
    return {_of_port(channel): sorted(items) for channel, items in told.items()}


def _differences(told: dict[str, list[str]], expected: dict[str, list[str]]) -> list[str]:
    """Return by channel what was told in a storm alone, and what in the calm alone."""
    return [
        f"{channel}: {where} {item}"
        for channel in sorted({*told, *expected})
        for where, ours, theirs in (("storm", told, expected), ("calm", expected, told))
        for item in sorted(set(ours.get(channel, ())) - set(theirs.get(channel, ())))
    ]


def _of_port(channel: str) -> str:
    """Return a channel without the digest of its address, in which the port of the day stands."""
    return channel.rpartition("-")[0] if channel.startswith("webhook:") else channel
