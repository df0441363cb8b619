"""The public twin: late, coarse, and without any exact place in any byte."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo import alerts, flows
from kpgeo.flows.exports import publishing
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.model.ledger import EntryKind
from kpgeo.model.release import Amount, Working
from kpgeo.model.review import DismissalReason, ReviewAct, ReviewStep
from kpgeo.model.site import Area
from kpgeo.options.publish import PublishOptions
from kpgeo.store import Tables, Workspace

LATER = dt.date(2040, 1, 1)
ANY = PublishOptions(basis="confirmed")


@contextmanager
def _tables(workspace: Path) -> Iterator[tuple[Workspace, Tables]]:
    room = Workspace(workspace)
    tables = room.tables()
    yield room, tables
    tables.close()


@pytest.fixture(scope="module")
def twin(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a copy of the watched workspace and its public twin, told late enough to tell everything."""
    folder = tmp_path_factory.mktemp("public")
    workspace = Path(shutil.copytree(watched, folder / "workspace"))
    with _tables(workspace) as (room, tables):
        made = flows.publish(room, tables, folder / "twin", ANY, LATER)
    assert made.periods
    assert made.cells
    return workspace, folder / "twin"


@pytest.mark.fault(45)
def test_no_byte_of_it_gives_a_place_away(twin: tuple[Path, Path]) -> None:
    workspace, out = twin
    with _tables(workspace) as (room, tables):
        watches = [flows.watch_of(room, aoi_id)[0] for aoi_id in flows.read_watched(room)]
        restricted = flows.restricted_of(watches, tables)
    assert len(restricted.lon_lat) > 50
    for path in out.rglob("*"):
        assert alerts.find_leaks(str(path.relative_to(out)), path.read_bytes(), restricted) == []


@pytest.mark.fault(45)
def test_the_restricted_exports_of_the_same_run_do(twin: tuple[Path, Path], tmp_path: Path) -> None:
    """What finds nothing in the twin finds the places in every file made for those who may know them."""
    workspace, _ = twin
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        restricted = flows.restricted_of([flows.watch_of(room, aoi_id)[0]], tables)
        rows = flows.rows_of(flows.ExportKind.SITES, aoi_id, room, tables)
    assert rows
    for shape in flows.ExportFormat:
        path = tmp_path / f"x.{shape}"
        flows.export_rows(flows.ExportKind.SITES, rows, shape, path)
        assert alerts.find_leaks("x", path.read_bytes(), restricted), shape


def test_its_files_open_elsewhere_and_say_that_they_are_public(twin: tuple[Path, Path]) -> None:
    _, out = twin
    cells = pyogrio.read_dataframe(out / "cells.geojson")
    assert set(cells["release"]) == {"PUBLIC"}
    corners = np.array([shape.bounds for shape in cells.geometry]) / 0.05
    np.testing.assert_allclose(corners, np.rint(corners), atol=1e-6)
    assert set(cells["workings"]) <= {str(amount) for amount in Amount}
    page = (out / "kpgeo-public.html").read_text(encoding="utf-8")
    assert all(f'lang="{language}"' in page for language in ("en", "fr", "pt"))
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page


def test_it_comes_late(watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    with _tables(workspace) as (room, tables):
        whole = flows.publish(room, tables, tmp_path / "all", ANY, LATER)
        last = whole.periods[-1]
        due = dt.date(1970, 1, 1) + dt.timedelta(days=last.end_day + 180)
        on_time = flows.publish(room, tables, tmp_path / "due", ANY, due)
        early = flows.publish(room, tables, tmp_path / "early", ANY, due - dt.timedelta(days=1))
        assert on_time.periods == whole.periods
        assert last not in early.periods
        assert last.label not in "".join(path.read_text() for path in (tmp_path / "early").iterdir())
        kept = tables.ledger.entries(kind=EntryKind.PUBLICATION)
        assert [entry.body["files"] for entry in kept] == [whole.files, early.files]


def test_written_twice_it_is_the_same(twin: tuple[Path, Path], tmp_path: Path) -> None:
    workspace, out = twin
    with _tables(workspace) as (room, tables):
        before = tables.ledger.head()
        flows.publish(room, tables, tmp_path / "again", ANY, LATER)
        assert tables.ledger.head() == before
    for path in out.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_a_leak_stops_it_and_nothing_is_written(
    twin: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = twin
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        (site, *_) = tables.sites(aoi_id, flows.watch_of(room, aoi_id)[0].lineage)
        lon, lat = site.lon_lat
        told = publishing._geojson
        monkeypatch.setattr(publishing, "_geojson", lambda cells: told(cells) + f"{lon:.3f},{lat:.3f}".encode())
        with pytest.raises(IntegrityError, match=r"cells.geojson, byte \d+"):
            flows.publish(room, tables, tmp_path / "twin", ANY, LATER)
    assert not (tmp_path / "twin").exists()


def test_it_replaces_no_folder_of_somebody_elses(twin: tuple[Path, Path], tmp_path: Path) -> None:
    workspace, _ = twin
    (tmp_path / "letter.txt").write_text("keep")
    with _tables(workspace) as (room, tables), pytest.raises(BadInputError, match="something else"):
        flows.publish(room, tables, tmp_path, ANY, LATER)


HALF = Period.parse("2024H1")


def _working(lon: float, lat: float, ha: float = 1.0) -> Working:
    area = Area(ha=ha, low_ha=ha / 2, high_ha=2 * ha)
    return Working(aoi_id="sim", period=HALF, site_id=f"site-{lon}-{lat}", lon=lon, lat=lat, new=area)


@given(
    st.lists(st.tuples(st.floats(-6.649, -6.601), st.floats(8.151, 8.199)), min_size=1, max_size=30),
    st.integers(0, 2),
)
def test_where_in_a_cell_workings_lie_cannot_be_told(places: list[tuple[float, float]], doublings: int) -> None:
    """Workings that move about within a cell leave the same twin behind, so no differences of releases place them."""
    options = PublishOptions(cell_doublings=doublings)
    here = alerts.generalise([_working(*place) for place in places], [HALF], options)
    there = alerts.generalise([_working(-6.62, 8.17) for _ in places], [HALF], options)
    assert here == there


def test_classes_are_coarse() -> None:
    def told(count: int, ha: float) -> tuple[Amount, Amount]:
        (cell,) = alerts.generalise([_working(-6.62, 8.17, ha)] * count, [HALF], ANY)
        return cell.workings, cell.newly_dug

    assert told(1, 0.0) == (Amount.NONE, Amount.NONE)
    assert told(1, 0.1) == told(4, 1.0) == (Amount.FEW, Amount.FEW)
    assert told(5, 1.0) == (Amount.SOME, Amount.SOME)
    assert told(20, 1.0) == (Amount.MANY, Amount.MANY)
    lost = replace(_working(-6.62, 8.17), lon=999.0)
    with pytest.raises(BadInputError, match="nowhere on Earth"):
        alerts.generalise([lost], [HALF], ANY)


def test_half_years_are_told_whole() -> None:
    first, last = day_of(dt.date(2023, 3, 1)), day_of(dt.date(2025, 2, 1))
    assert [period.label for period in alerts.half_years(first, last)] == ["2023H2", "2024H1", "2024H2"]
    json.dumps([period.label for period in alerts.half_years(last, first)])


def test_what_people_took_back_stays_away_until_it_is_confirmed_anew(watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        raised = [one.id for one in tables.alerts(aoi_id, flows.watch_of(room, aoi_id)[0].lineage)]

        def lead(by: str, *acts: ReviewAct) -> int:
            for act in acts:
                why = DismissalReason.ROAD_QUARRY if act is ReviewAct.DISMISS else None
                for alert_id in raised:
                    flows.take_step(tables, alert_id, ReviewStep(act=act, by=by, text="Looked.", reason=why))
            out = tmp_path / f"{len(tables.ledger.entries())}"
            return flows.publish(room, tables, out, ANY, LATER).cells

        act = ReviewAct
        cells = lead("Awa", act.TRIAGE, act.BEGIN)
        assert cells > 0
        assert lead("Awa", act.DISMISS) == 0
        assert lead("Awa", act.REOPEN) == 0, "nobody has said yet that it stands"
        assert lead("Awa", act.CONFIRM) == cells
        assert lead("Bakary", act.AUDIT, act.PUBLISH, act.WITHDRAW) == 0
        assert lead("Bakary", act.REOPEN) == 0
        assert lead("Bakary", act.CONFIRM) == cells


def test_what_nobody_published_is_not_told_unless_asked_for(watched: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    with _tables(workspace) as (room, tables):
        (aoi_id,) = flows.read_watched(room)
        told = [one for one in tables.alerts(aoi_id, flows.watch_of(room, aoi_id)[0].lineage) if one.state == "ongoing"]

        def cells(name: str) -> int:
            return flows.publish(room, tables, tmp_path / name, PublishOptions(), LATER).cells

        assert cells("unreviewed") == 0
        act = ReviewAct
        steps = [("Awa", act.TRIAGE), ("Awa", act.BEGIN), ("Awa", act.CONFIRM), ("Bakary", act.AUDIT)]
        for by, step in steps:
            flows.take_step(tables, told[0].id, ReviewStep(act=step, by=by, text="Looked."))
        assert cells("audited") == 0
        flows.take_step(tables, told[0].id, ReviewStep(act=act.PUBLISH, by="Bakary", text="Looked."))
        assert cells("published") > 0
        page = (tmp_path / "published" / "kpgeo-public.html").read_text(encoding="utf-8")
        assert "another audited" in page
