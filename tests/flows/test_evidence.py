"""Evidence of alerts of the small world: sealed once, checked anywhere, and made again from the scenes."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kpgeo import evidence, flows
from kpgeo.evidence import Sealed, read_bundle, verify_bundle
from kpgeo.evidence.container import compose_container, segments_of
from kpgeo.flows.sealed import recompute as evidence_recompute
from kpgeo.flows.sealed.bundles import open_bench
from kpgeo.flows.sealed.files import find_case
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.model.alert import Alert
from kpgeo.model.calendar import dekad_of
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ledger import EntryKind
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Tables, Workspace


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the keys of whoever runs the tests out of them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("KPGEO_SIGNING_KEY", "KPGEO_TRUSTED_KEYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def room(watched: Path, tmp_path: Path) -> Workspace:
    """Return a copy of the watched workspace."""
    return Workspace(Path(shutil.copytree(watched, tmp_path / "workspace")))


@pytest.fixture
def tables(room: Workspace) -> Iterator[Tables]:
    opened = room.tables()
    yield opened
    opened.close()


def _alerts(room: Workspace, tables: Tables) -> list[Alert]:
    ((aoi_id, entry),) = flows.read_watched(room).items()
    return sorted(tables.alerts(aoi_id, entry["lineage"]), key=lambda one: (-one.evidence.confidence, one.id))


def _told(tables: Tables) -> list[dict[str, object]]:
    return [dict(entry.body) for entry in tables.ledger.entries(kind=EntryKind.EVIDENCE)]


@pytest.fixture(scope="module")
def made(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """Return the bundle of the surest alert, unsigned: read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        room = Workspace(Path(shutil.copytree(watched, tmp_path_factory.mktemp("made") / "workspace")))
        tables = room.tables()
        try:
            yield flows.make_evidence(room, tables, _alerts(room, tables)[0].id).path.read_bytes()
        finally:
            tables.close()


def test_a_bundle_holds_what_the_alert_rests_on(made: bytes, small_world: Path) -> None:
    checked = read_bundle(made, "bundle")
    assert checked.sealed is Sealed.UNSIGNED
    files = checked.files
    alert, options = json.loads(files["alert.json"]), json.loads(files["options.json"])
    assert alert["id"] == checked.predicate["alert"]
    assert json.loads(files["events.json"])[-1]["dekad"] <= alert["dekad"]
    scenes = {json.loads(line)["scene"] for line in files["scenes.jsonl"].splitlines()}
    assert set(alert["evidence"]["scene_ids"]) <= scenes
    looked = [line.split(b",") for line in files["looks.csv"].splitlines()[1:]]
    assert {line[2].decode() for line in looked} <= scenes
    assert options["aoi_version"] == checked.predicate["aoi_version"]
    assert files["chips/before.png"].startswith(b"\x89PNG")
    assert files["chips/after.png"].startswith(b"\x89PNG")
    assert json.loads(files["provenance.json"])["code"]["detector"] == checked.predicate["code"]["detector"]
    assert json.loads(files["run.json"])["run_id"]
    assert str(small_world.parents[1]).encode() not in made
    for language in ("en", "fr", "pt"):
        assert alert["id"] in files[f"README.{language}.txt"].decode("utf-8")


def test_a_bundle_says_nothing_of_who_was_told_nor_of_other_areas(room: Workspace, tables: Tables) -> None:
    for path in room.path.glob("runs/*/manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["aois"] = [*manifest["aois"], {"aoi": "cod-elsewhere", "sites_active": 7}]
        manifest["errors"] = {"cod-elsewhere": "no scenes"}
        manifest["operating"] = {**manifest["operating"], "cod-elsewhere": None}
        manifest["post"] = {"sent": [{"subscriber": "registrar-of-elsewhere", "channel": "email:canary@example.org"}]}
        path.write_text(json.dumps(manifest), encoding="utf-8")
    content = flows.make_evidence(room, tables, _alerts(room, tables)[0].id).path.read_bytes()
    files = read_bundle(content, "bundle").files
    assert len(json.loads(files["run.json"])["aois"]) == 1
    assert [name for name, told in files.items() if b"-elsewhere" in told or b"canary@" in told] == []


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A workspace with one signed bundle."""

    room: Workspace
    tables: Tables
    made: flows.Bundle
    key: Path


@pytest.fixture(scope="module")
def signed(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    key = tmp_path_factory.mktemp("keys") / "key.pem"
    evidence.make_key(key)
    room = Workspace(Path(shutil.copytree(watched, tmp_path_factory.mktemp("signed") / "workspace")))
    tables = room.tables()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPGEO_SIGNING_KEY", str(key))
        made = flows.make_evidence(room, tables, _alerts(room, tables)[0].id)
    yield Signed(room=room, tables=tables, made=made, key=key)
    tables.close()


def test_made_twice_it_is_the_same_and_named_once(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPGEO_SIGNING_KEY", str(signed.key))
    first = signed.made
    content = first.path.read_bytes()
    first.path.unlink()
    again = flows.make_evidence(signed.room, signed.tables, first.alert_id)
    assert again == first
    assert again.path.read_bytes() == content
    assert [one["sha256"] for one in _told(signed.tables)] == [first.sha256]
    assert first.fingerprint == verify_bundle(content).fingerprint != ""


def test_the_signing_key_is_nowhere(signed: Signed) -> None:
    secret = signed.key.read_bytes().splitlines()[1]
    kept = [path for path in signed.room.path.rglob("*") if path.is_file()]
    assert signed.made.path in kept
    assert not [path for path in kept if secret in path.read_bytes() or b"PRIVATE KEY" in path.read_bytes()]


def test_it_stands_in_the_ledger_of_its_workspace_and_no_other(signed: Signed, tmp_path: Path) -> None:
    checked = read_bundle(signed.made.path.read_bytes(), "bundle")
    assert "names this bundle" in flows.hold_against(checked, signed.tables)[1]
    stranger = Workspace(tmp_path / "stranger").tables()
    with pytest.raises(IntegrityError):
        flows.hold_against(checked, stranger)
    stranger.close()


def test_a_run_makes_what_is_due_once(room: Workspace, tables: Tables, small_world: Path) -> None:
    pipeline = Pipeline.read(small_world / "pipeline.toml")
    eager = pipeline.model_copy(
        update={"evidence": pipeline.evidence.model_copy(update={"at_confirmation": True, "looks_before_dekads": 1})}
    )
    report = flows.run_pipeline(eager, workspace=room.path, cluster="sync")
    told = _told(tables)
    confirmed = [
        alert.id
        for alert in _alerts(room, tables)
        if any(event.after == "confirmed" for event in tables.alert_events(alert.id))
    ]
    assert report.bundles == len(told) == len(confirmed) > 0
    for one in told:
        checked = read_bundle((room.evidence / str(one["bundle"])).read_bytes(), "bundle")
        assert checked.sha256 == one["sha256"]
        assert checked.predicate["state"] == "confirmed"
    again = flows.run_pipeline(eager, workspace=room.path, cluster="sync")
    assert again.bundles == 0
    assert _told(tables) == told


def test_killed_before_the_ledger_it_comes_to_the_same(
    room: Workspace, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = _alerts(room, tables)[0]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(tables.ledger), "append", killed)
        with pytest.raises(KeyboardInterrupt):
            flows.make_evidence(room, tables, alert.id, dekad=alert.raised_dekad)
    assert _told(tables) == []
    (left,) = room.evidence.glob("*.kpe.zip")
    made = flows.make_evidence(room, tables, alert.id, dekad=alert.raised_dekad)
    assert made.path == left
    assert [one["sha256"] for one in _told(tables)] == [made.sha256]


def test_a_bundle_of_an_earlier_dekad_tells_of_that_dekad(room: Workspace, tables: Tables) -> None:
    alert = _alerts(room, tables)[0]
    earlier = tables.alert_history(alert.id)[1]
    made = flows.make_evidence(room, tables, alert.id, dekad=earlier.dekad)
    files = verify_bundle(made.path.read_bytes()).files
    assert json.loads(files["alert.json"])["state"] == str(earlier.state)
    assert all(one["dekad"] <= earlier.dekad for one in json.loads(files["events.json"]))
    assert all(
        json.loads(line)["body"]["dekad"] <= earlier.dekad for line in files["ledger.jsonl"].splitlines()
    )  # fmt: skip
    with pytest.raises(BadInputError):
        flows.make_evidence(room, tables, alert.id, dekad=0)


@pytest.mark.fault(46)
def test_an_edited_log_line_is_named(made: bytes) -> None:
    files = dict(verify_bundle(made).files)
    lines = files["ledger.jsonl"].splitlines(keepends=True)
    assert len(lines) > 1
    lines[1] = lines[1].replace(b'"after":"', b'"after":"x', 1)
    (found,) = verify_bundle(compose_container({**files, "ledger.jsonl": b"".join(lines)})).alterations
    assert (found.entry, found.lines) == ("ledger.jsonl", (2,))
    told = {name: content for name, content in files.items() if name not in ("SHA256SUMS", "manifest.dsse.json")}
    resealed = evidence.compose_bundle({**told, "ledger.jsonl": b"".join(lines)}, {}, None)
    (found,) = verify_bundle(resealed).alterations
    assert (found.entry, found.lines) == ("ledger.jsonl", (2,))


@pytest.mark.fault(46)
def test_a_bit_flipped_in_a_real_bundle_is_named(signed: Signed) -> None:
    raw = signed.made.path.read_bytes()
    places: list[tuple[str, int]] = []
    for segment in segments_of(sorted(verify_bundle(raw).files.items())):
        base = 0 if segment.part == "content" else len(places)
        entry = segment.entry if segment.part == "content" else "the container"
        places += [(entry, base + number) for number in range(len(segment.content))]
    draw = random.Random(46)
    for place in draw.sample(range(len(raw)), 60):
        changed = raw[:place] + bytes([raw[place] ^ (1 << draw.randrange(8))]) + raw[place + 1 :]
        named = [(one.entry, one.first_byte) for one in verify_bundle(changed).alterations]
        assert places[place] in named, f"byte {place}: {named}"


def test_a_restricted_area_marks_its_bundle(room: Workspace, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def restricted(*given: object) -> tuple[flows.Watch, str]:
        watch, run_id = watch_of(*given)  # type: ignore[arg-type]
        return replace(watch, aoi=replace(watch.aoi, sensitivity="kp-only")), run_id

    monkeypatch.setattr("kpgeo.flows.sealed.bundles.watch_of", restricted)
    made = flows.make_evidence(room, tables, _alerts(room, tables)[0].id, dekad=_alerts(room, tables)[0].raised_dekad)
    assert made.path.name.endswith("_KP-ONLY.kpe.zip")
    checked = verify_bundle(made.path.read_bytes())
    assert checked.predicate["release"] == "KP ONLY"
    for name in ("alert.json", "site.json", "series.json", "chips/chips.json"):
        assert json.loads(checked.files[name])["release"] == "KP ONLY"
    for language in ("en", "fr", "pt"):
        assert checked.files[f"README.{language}.txt"].startswith(b"KP ONLY\n")


def test_the_series_begins_so_many_dekads_before_the_first_sign(room: Workspace, tables: Tables) -> None:
    ((aoi_id, _),) = flows.read_watched(room).items()
    watch, _ = watch_of(room, aoi_id)
    alert_id = max(
        _alerts(room, tables), key=lambda one: (min(one.raised_dekad, dekad_of(one.evidence.first_day)), one.id)
    ).id
    begins = []
    for dekads in (0, 2, 72):
        options = watch.pipeline.evidence.model_copy(update={"looks_before_dekads": dekads})
        other = replace(watch, pipeline=watch.pipeline.model_copy(update={"evidence": options}))
        begins.append(find_case(open_bench(room, tables, other), alert_id).dekads.start)
    assert begins[0] - 2 == begins[1] > begins[2] == watch.first_dekad


def _recomputed(made: bytes, world: Path) -> flows.Recomputed:
    pipeline = Pipeline.read(world / "pipeline.toml")
    local = pipeline.model_copy(update={"compute": pipeline.compute.model_copy(update={"cluster": "sync"})})
    return flows.recompute(read_bundle(made, "bundle"), local)


@pytest.mark.long
def test_made_again_from_the_scenes_it_is_the_same(made: bytes, small_world: Path) -> None:
    again = _recomputed(made, small_world)
    assert again.differences == ()
    assert again.remarks == ()
    assert {"alert.json", "looks.csv", "chips/after.png"} <= set(again.compared)


@pytest.mark.long
@pytest.mark.fault(46)
def test_a_changed_scene_is_named(made: bytes, small_world: Path, tmp_path: Path) -> None:
    import rasterio  # noqa: PLC0415

    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    looks = verify_bundle(made).files["looks.csv"].decode().splitlines()[1:]
    seen = [line.split(",") for line in looks if ",sentinel-2," in line and ",True," in line]
    day, _, scene_id = seen[-1][:3]
    rows = [json.loads(line) for line in verify_bundle(made).files["scenes.jsonl"].splitlines()]
    (row,) = [row for row in rows if row["scene"] == scene_id]
    for granule in row["granules"]:
        with rasterio.open(world / granule["assets"]["red"]["href"], "r+", IGNORE_COG_LAYOUT_BREAK="YES") as stream:
            stream.write(stream.read() + 400)
    again = _recomputed(made, world)
    assert any(line.startswith(f"looks.csv: {day} sentinel-2 {scene_id}.red_seen") for line in again.differences)


@pytest.mark.long
def test_a_scene_that_is_gone_is_named(made: bytes, small_world: Path, tmp_path: Path) -> None:
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    rows = [json.loads(line) for line in verify_bundle(made).files["scenes.jsonl"].splitlines()]
    row = [row for row in rows if row["folded_in"] != "history"][-1]
    _withdraw(world, Path(next(iter(row["granules"][0]["assets"].values()))["href"]))
    again = _recomputed(made, world)
    assert any("no longer in the catalogues" in line and row["scene"] in line for line in again.remarks)
    assert any(line.startswith(f"scenes.jsonl: {row['scene']} is gone") for line in again.differences)


def _withdraw(world: Path, file: Path) -> None:
    """Take what a sensor acquired on the day of a file out of a world's catalogue, duplicates too."""
    path = world / file.parts[0] / "collection.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    (day,) = [part for part in file.parts[1].split("_") if part[:8].isdecimal() and len(part) >= 8][:1]
    content["links"] = [link for link in content["links"] if day[:8] not in link["href"]]
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_bundle_of_something_else_is_not_recomputed(small_world: Path) -> None:
    other = evidence.compose_bundle({"note.txt": b"x"}, {"code": {}}, None)
    with pytest.raises(BadInputError):
        _recomputed(other, small_world)


def test_other_code_is_said(made: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = read_bundle(made, "bundle")
    assert list(evidence_recompute._code_remarks(checked)) == []
    other = {**evidence_recompute.code_facts(), "digest": "0" * 64, "detector": "belief-1"}
    monkeypatch.setattr(evidence_recompute, "code_facts", lambda: other)
    (remark,) = evidence_recompute._code_remarks(checked)
    assert remark.startswith("The code is not the same: the bundle was made by kpgeo ")
    assert "detector belief-1" in remark


@pytest.mark.long
def test_under_another_lineage_the_alert_at_the_same_place_is_compared(made: bytes, small_world: Path) -> None:
    checked = read_bundle(made, "bundle")
    told = checked.predicate
    renamed = {
        told["alert"]: "alert-000000000000",
        told["site"]: "site-000000000000",
        told["lineage"]: "belief-1-00000000",
    }
    own = ("SHA256SUMS", "manifest.dsse.json", "ledger.jsonl")
    files = {name: content for name, content in checked.files.items() if name not in own}
    for old, new in renamed.items():
        files = {name: content.replace(old.encode(), new.encode()) for name, content in files.items()}
    facts = {
        name: renamed.get(str(told[name]), told[name]) for name in (*told,) if name not in ("sizes", "lines", "blocks")
    }
    again = _recomputed(evidence.compose_bundle(files, facts, None), small_world)
    assert again.differences == ()
    (remark,) = again.remarks
    assert "the alert at the same place was compared" in remark
