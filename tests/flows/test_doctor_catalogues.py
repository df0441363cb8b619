"""Every fault of a catalogue that the doctor can see, put there by a web server on loopback, and the mend it names."""

import datetime as dt
import email.utils
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

import pytest
import time_machine

from kpgeo.flows.doctor import catalogues, examine, exit_code_of, papers
from kpgeo.flows.doctor.catalogues import KEY_NAMES, Examination
from kpgeo.flows.doctor.finding import Finding
from kpgeo.ingest import tokens
from kpgeo.model.run import Gap
from kpgeo.options.pipeline import CatalogSource, Pipeline
from kpgeo.wire import FetchError
from tests.wire.fault_server import ALWAYS, FaultServer, hang, html, redirect, reset, status

_S2 = "sentinel-2-l2a"
_LANDING = {
    "type": "Catalog", "id": "v1", "description": "for tests", "stac_version": "1.0.0",
    "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
}  # fmt: skip


class Service:
    """A STAC API over the Sentinel-2 scenes of a small world, at a day when they are new."""

    def __init__(self, server: FaultServer, world: Path) -> None:
        self.server = server
        items = []
        for path in sorted(world.glob(f"{_S2}/**/*.json")):
            item = json.loads(path.read_text())
            if item.get("type") == "Feature":
                base = f"{server.url}/{path.relative_to(world).as_posix()}"
                for asset in item["assets"].values():
                    asset["href"] = urljoin(base, asset["href"])
                items.append({**item, "links": []})
        self.items = sorted(items, key=lambda item: item["properties"]["datetime"])[-3:]
        self.newest = dt.datetime.fromisoformat(self.items[-1]["properties"]["datetime"])
        links = [{"rel": rel, "href": f"{server.url}/v1", "type": "application/json"} for rel in ("self", "root")]
        search = {"rel": "search", "href": f"{server.url}/v1/search", "type": "application/geo+json", "method": "POST"}
        self.put("/v1", {**_LANDING, "links": [*links, search]})
        self.put("/v1/search", {"type": "FeatureCollection", "features": self.items, "links": []})
        self.put(f"/v1/collections/{_S2}", {"id": _S2})
        second = f"{server.url}/v1/collections-2"
        first = {"collections": [{"id": "landsat-c2-l2"}, 3], "links": [{"rel": "next", "href": second}]}
        self.put("/v1/collections", first)
        self.put("/v1/collections-2", {"collections": [{"id": _S2}]})

    def put(self, path: str, content: object) -> None:
        self.server.put(path, json.dumps(content).encode())

    def examined(self, pipeline: Pipeline, collection: str = _S2, **source: object) -> Examination:
        one = CatalogSource(url=f"{self.server.url}/v1", collections={"sentinel-2": collection}, **source)
        (watch,), _ = papers.read_watches(pipeline)
        return Examination(pipeline=pipeline.model_copy(update={"catalog": (one,)}), source=one, watch=watch)


@pytest.fixture
def service(small_world: Path) -> Iterator[Service]:
    with FaultServer(small_world) as server:
        made = Service(server, small_world)
        with time_machine.travel(made.newest + dt.timedelta(days=2)):
            yield made


@pytest.fixture
def pipeline(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    quick = {"connect_timeout_s": 1.0, "silence_s": 0.5, "http_timeout_s": 1.0, "request_attempts": 2}
    quick |= {"request_deadline_s": 3.0, "first_wait_s": 0.01, "max_wait_s": 0.05, "cache_gib": 0.0}
    monkeypatch.setattr(catalogues, "_QUICK", quick)
    return Pipeline.read(small_world / "pipeline.toml")


def _only(findings: Iterable[Finding], state: str, detail: str, remedy: str) -> Finding:
    (one,) = [one for one in findings if one.state != "ok"]
    assert one.state == state, one
    assert detail in one.detail, one
    assert remedy in one.remedy, one
    return one


def test_a_service_as_it_should_be(service: Service, pipeline: Pipeline) -> None:
    one = service.examined(pipeline)
    answers, newest, pixels = one.findings()
    assert {answers.state, newest.state, pixels.state} == {"ok"}
    assert answers.detail.endswith(f"/v1 answers, and has {_S2}")
    assert newest.detail.startswith(f"newest of {service.newest:%Y-%m-%d}, 2 days ago")
    assert "of its 7 files was read in" in pixels.detail
    assert any(hit.range for hit in service.server.hits), "files are read by parts"


def _script(path: str, *steps: object) -> Callable[[Service], None]:
    return lambda service: service.server.script(path, *steps)  # type: ignore[arg-type]


@pytest.mark.fault(20)
@pytest.mark.fault(21)
@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("spoil", "detail", "remedy"),
    [
        (_script("/v1", status(404, ALWAYS)), "status 404", "Correct `url`"),
        (_script("/v1", status(401, ALWAYS)), "status 401", "your account or key"),
        (_script("/v1", status(403, ALWAYS)), "status 403", "your account or key"),
        (_script("/v1", status(500, ALWAYS)), "status 500", "try again in an hour"),
        (_script("/v1", status(429, ALWAYS, Retry_After="0")), "status 429", "try again in an hour"),
        (_script("/v1", html()), "a web page", "Open a web browser"),
        (_script("/v1", status(200, ALWAYS, b"so what")), "what is no JSON", "Correct `url`"),
        (_script("/v1", status(200, ALWAYS, b'{"hello": 1}')), "no STAC catalogue", "Correct `url`"),
        (_script("/v1", status(200, ALWAYS, b"[1]")), "what is no JSON", "Correct `url`"),
        (_script("/v1", hang(20.0, ALWAYS)), "did not answer in time", "no firewall keeps kpgeo from 127.0.0.1"),
        (_script("/v1", reset(0, ALWAYS)), "", "no firewall"),
        (_script("/v1", redirect("/v1")), "redirects again and again", "Correct `url`"),
        (_script("/v1", redirect("ftp://one.example/")), "does not follow", "Correct `url`"),
        (_script("/v1/search", status(500, ALWAYS)), "status 500", "try again in an hour"),
        (_script("/v1/search", hang(20.0, ALWAYS)), "", "try again in an hour"),
    ],
)  # fmt: skip
def test_faults_of_a_service(
    service: Service, pipeline: Pipeline, spoil: Callable[[Service], None], detail: str, remedy: str
) -> None:
    spoil(service)
    found = _only(service.examined(pipeline).findings(), "fail", detail, remedy)
    assert found.is_upstream


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        ("dns-failed", "one.example is spelled rightly"),
        ("unreachable", "is on the internet"),
        ("tls-failed", "ca_file"),
        ("captive-portal", "Open a web browser"),
        ("forbidden", "your account or key for one.example"),
        ("too-large", "is on the internet"),
    ],
)
def test_every_fault_of_the_network_has_its_mend(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, fault: str, remedy: str
) -> None:
    class Session:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Close nothing."""

        def get(self, *_: object, **named: object) -> None:
            raise FetchError(fault)  # type: ignore[arg-type]

    monkeypatch.setattr(catalogues, "open_session", lambda _: Session())
    source = CatalogSource(url="https://one.example/v1", collections={"sentinel-2": _S2})
    _only(Examination(pipeline=pipeline, source=source, watch=None).findings(), "fail", "one.example", remedy)


@pytest.mark.fault(24)
def test_a_collection_that_was_renamed(service: Service, pipeline: Pipeline) -> None:
    found = service.examined(pipeline, collection="sentinel-2-l2").findings()
    told = _only(found, "fail", f"no collection 'sentinel-2-l2'; the nearest is '{_S2}'", f'Write sentinel-2 = "{_S2}"')
    assert not told.is_upstream, "the pipeline file is to be mended"
    service.server.script("/v1/collections", status(404, ALWAYS))
    _only(service.examined(pipeline, collection="x").findings(), "fail", "status 404", "Correct `url`")


@pytest.mark.fault(24)
def test_a_service_that_has_gone_quiet(service: Service, pipeline: Pipeline) -> None:
    with time_machine.travel(service.newest + dt.timedelta(days=45)):
        found = list(service.examined(pipeline).findings())
    _only(found, "warn", "45 days ago", "Name another catalogue")
    service.put("/v1/search", {"type": "FeatureCollection", "features": [], "links": []})
    _only(service.examined(pipeline).findings(), "warn", "nothing over the area in the last 60 days", "Name another")
    broken = {**service.items[0], "assets": {}}
    service.put("/v1/search", {"type": "FeatureCollection", "features": [broken], "links": []})
    _only(service.examined(pipeline).findings(), "warn", "1 refused", "Name another catalogue")


@pytest.mark.fault(22)
def test_files_that_cannot_be_read(service: Service, pipeline: Pipeline) -> None:
    service.server.folder = None
    found = _only(service.examined(pipeline).findings(), "fail", "its files cannot be read", "`url`")
    assert found.is_upstream


@pytest.mark.parametrize(
    ("reason", "state", "remedy"),
    [
        ("token-refused: item", "fail", "gave no token"),
        ("keys-missing: item", "fail", " and ".join(KEY_NAMES)),
        ("unreadable: forbidden: blue: item", "fail", "your account or key for one.example"),
        ("unreadable: timed-out: blue: item", "fail", "no firewall keeps kpgeo from one.example"),
        ("unreadable: no-crs: blue: item", "warn", "passes by what it cannot read"),
        ("offset-ambiguous: item", "warn", "passes by what it cannot read"),
    ],
)
def test_every_fault_of_a_file_has_its_mend(reason: str, state: str, remedy: str) -> None:
    gap = Gap(aoi_id="", day=0, sensor=None, scene_id="s", reason=reason)
    _only([catalogues.pixel_fault("catalogue", gap, "one.example")], state, reason, remedy)


@pytest.mark.fault(43)
def test_keys_are_looked_for_and_never_shown() -> None:
    assert KEY_NAMES == (tokens.ACCESS_KEY, tokens.SECRET_KEY)
    source = CatalogSource(provider="copernicus")
    for environ in ({}, {KEY_NAMES[0]: "CANARY"}):
        found = list(catalogues.key_findings(source, environ))
        _only(found, "fail", KEY_NAMES[1], f"{KEY_NAMES[1]} in the environment")
        assert "CANARY" not in str(found)
    found = list(catalogues.key_findings(source, dict.fromkeys(KEY_NAMES, "CANARY")))
    assert [one.state for one in found] == ["ok"]
    assert "CANARY" not in str(found)
    assert not list(catalogues.key_findings(CatalogSource(provider="earth-search"), {}))


@pytest.mark.fault(10)
def test_the_clock_is_held_against_the_service(service: Service, pipeline: Pipeline) -> None:
    then = email.utils.format_datetime(dt.datetime.now(dt.UTC) - dt.timedelta(hours=1), usegmt=True)
    body = service.server.files["/v1"]
    for headers, ahead_s in (({"Date": then}, 3600.0), ({"Date": then, "Age": "3000"}, 600.0)):
        one = service.examined(pipeline)
        service.server.script("/v1", status(200, 1, body, **headers))
        list(one.findings())
        assert one.skews_s["127.0.0.1"] == pytest.approx(ahead_s, abs=30.0)
    one = service.examined(pipeline)
    service.server.script("/v1", status(200, 1, body, Date="yesterday"))
    list(one.findings())
    assert not one.skews_s


def test_faults_of_a_static_catalogue(small_world: Path, tmp_path: Path) -> None:
    def examined(url: str, collections: dict[str, str]) -> list[Finding]:
        source = CatalogSource(url=url, collections=collections)  # type: ignore[arg-type]
        pipeline = Pipeline.read(small_world / "pipeline.toml")
        (watch,), _ = papers.read_watches(pipeline)
        return list(Examination(pipeline=pipeline, source=source, watch=watch).findings())

    found = _only(examined("nowhere.json", {"sentinel-2": "a"}), "fail", "no file", "Correct `url`")
    assert found.is_upstream
    told = examined("catalog.json", {"sentinel-2": "sentinel-2", "landsat": "landsat-c2-l2"})
    _only(told, "fail", f"the nearest is '{_S2}'", f'Write sentinel-2 = "{_S2}"')
    assert [one.check.rpartition(" ")[2] for one in told if one.state == "ok"] == ["landsat", "landsat"]
    broken = tmp_path / "catalog.json"
    broken.write_text("{")
    assert _only(examined(str(broken), {"sentinel-2": "a"}), "fail", "cannot be read", "").is_upstream
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({**_LANDING, "links": []}))
    _only(examined(str(empty), {"sentinel-2": "a"}), "fail", "no collection 'a'", "Correct `collections`")


@pytest.mark.fault(12)
def test_a_file_on_this_machine_that_is_cut_short(small_world: Path, tmp_path: Path) -> None:
    world = Path(shutil.copytree(small_world, tmp_path / "world"))
    for path in world.rglob("*"):
        if path.suffix.lower() in (".tif", ".tiff"):
            os.truncate(path, path.stat().st_size // 10)
    found = examine(tmp_path / "workspace", world / "pipeline.toml")
    faults = [one for one in found if one.check.startswith("catalogue") and one.state != "ok"]
    assert len(faults) == 3, "one for each sensor"
    assert {one.state for one in faults} == {"warn"}
    assert all("passes by what it cannot read" in one.remedy for one in faults)
    assert exit_code_of(found) == 3


@pytest.mark.fault(23)
def test_without_a_network_each_catalogue_is_a_finding_and_nothing_hangs(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text(
        'name = "p"\naois = ["civ-seguela"]\n'
        '[[catalog]]\nurl = "http://127.0.0.1:9/v1"\ncollections = { sentinel-2 = "a" }\n'
        '[[catalog]]\nurl = "http://127.0.0.1:9/v2"\ncollections = { landsat = "b" }\n'
        "[history]\nstart = 2023-01-01\nend = 2024-01-01\n"
    )
    found = examine(tmp_path / "workspace", path, environ={})
    refused = [one for one in found if one.state == "fail"]
    assert [one.check for one in refused] == ["catalogue 127.0.0.1"] * 2
    assert ["/v1" in one.detail for one in refused] == [True, False], "in the order of the pipeline"
    assert all("cannot be reached" in one.detail and "no firewall" in one.remedy for one in refused)
    assert exit_code_of(found) == 4
    (clock,) = [one for one in found if one.check == "clock"]
    assert "no catalogue was there to compare it with" in clock.detail
