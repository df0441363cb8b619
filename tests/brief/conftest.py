"""A small world, made by hand, for the tests of the brief."""

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from odc.geo.geom import Geometry
from pyproj import Transformer
from shapely.geometry import Point, box

from kpgeo.brief import Backdrop, BriefInputs, Chip, ChipPair, RunFacts, compose_brief, stretch_alike
from kpgeo.model.alert import Alert, Evidence, MachineState, Question
from kpgeo.model.aoi import (
    Aoi,
    CapacityPriors,
    DepositType,
    Prior,
    RegimeKind,
    RegulatoryPeriod,
    Seasons,
    Sourced,
    Stratum,
)
from kpgeo.model.calendar import Period, day_of, dekad_of
from kpgeo.model.grid import Grid
from kpgeo.model.production import (
    Activity,
    CapacityInterval,
    Comparison,
    DeclaredFigure,
    DeclaredKind,
    NotAssessable,
    Verdict,
)
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Area, Site, SiteEvent, SiteEventKind, SiteStatus
from kpgeo.options.brief import BriefOptions

START, END = day_of(dt.date(2025, 1, 1)), day_of(dt.date(2026, 1, 1))
KNOWN = Sourced(source="Survey of the field, 2013", confidence="high", mark="[5]")
GUESSED = Sourced(source="Analogy with neighbouring fields", confidence="low", mark="(B-L)")
EPSG = 32629
_TO_DEGREES = Transformer.from_crs(EPSG, 4326, always_xy=True)


def metres(geometry):
    """Return a geometry given in UTM 29N as EPSG:4326."""
    return shapely.transform(geometry, lambda xy: np.column_stack(_TO_DEGREES.transform(xy[:, 0], xy[:, 1])))


def make_priors():
    def prior(family, low, high, source):
        return Prior(family=family, low=low, high=high, source=source)

    return CapacityPriors(
        worked_frac=prior("beta", 4.0, 4.0, GUESSED),
        gravel_m=prior("uniform", 0.2, 1.0, KNOWN),
        grade_ct_per_m3=prior("loguniform", 0.3, 1.9, replace(KNOWN, confidence="medium", mark="[41]")),
        recovery_frac=prior("uniform", 0.6, 0.9, GUESSED),
    )


def make_aoi(name="Séguéla nord", **changes):
    strata = (
        Stratum(
            id="legbo",
            deposit_type=DepositType.ALLUVIAL_FLAT,
            geometry=metres(box(751_000, 901_000, 757_500, 904_500)),
            names={"en": "Legbo flat", "fr": "Plaine du Legbo", "pt": "Planície do Legbo"},
            source=KNOWN,
            priors=make_priors(),
        ),
        Stratum(
            id="bobi",
            deposit_type=DepositType.DYKE,
            geometry=metres(box(758_000, 905_000, 759_000, 908_500)),
            names={"en": "Bobi dyke", "fr": "Filon de Bobi", "pt": "Dique de Bobi"},
            source=replace(KNOWN, confidence="medium", mark="(B-M)"),
        ),
    )
    facts = {
        "id": "civ-seguela",
        "names": {"en": name, "fr": name, "pt": name},
        "iso3": "CIV",
        "country": "Côte d'Ivoire",
        "participant": "Côte d'Ivoire",
        "deposit": "lamproite dykes and alluvial placers",
        "geometry": metres(box(750_000, 900_000, 760_000, 909_000)),
        "epsg": EPSG,
        "source": KNOWN,
        "notes": "Gold is mined in the same region.",
        "strata": strata,
        "regimes": (
            RegulatoryPeriod(
                kind=RegimeKind.COMPLIANT_ZONE,
                start_day=day_of(dt.date(2014, 4, 29)),
                end_day=None,
                note={"en": "Embargo lifted.", "fr": "Embargo levé.", "pt": "Embargo levantado."},
                source=KNOWN,
            ),
        ),
        "seasons": Seasons(dry_months=(11, 12, 1, 2, 3), burn_months=(12, 1, 2), source=GUESSED),
        "version": "3f0a1c",
    }
    return Aoi(**{**facts, **changes})


def make_site(key, x, y, radius, **changes):
    shape = metres(Point(x, y).buffer(radius).union(box(x, y - radius / 3, x + 1.6 * radius, y + radius / 3)))
    ha = 3.14159 * radius**2 / 1e4
    facts = {
        "id": f"site-{key}",
        "aoi_id": "civ-seguela",
        "dekad": dekad_of(END - 1),
        "status": SiteStatus.ACTIVE,
        "geometry": shape,
        "opened_day": START + 40,
        "grown_day": END - 30,
        "last_day": END - 6,
        "area": Area(ha=ha, low_ha=0.8 * ha, high_ha=1.25 * ha),
        "peak_area_ha": ha,
        "confidence": 0.93,
        "pond_frac": 0.1,
        "look_frac": 0.9,
        "elongation": 2.0,
        "hits": 20,
        "looked_dekads": 25,
        "seed_row": 1,
        "seed_col": 1,
        "stratum_id": "legbo",
    }
    return Site(**{**facts, **changes})


def make_history(site):
    """Return the site's rows from its opening on, growing steadily."""
    first = max(dekad_of(site.opened_day), dekad_of(START) - 9)
    dekads = range(first, site.dekad)
    rows = []
    for place, dekad in enumerate(dekads, start=1):
        share = place / (len(dekads) + 1)
        area = Area(ha=site.area.ha * share, low_ha=site.area.low_ha * share, high_ha=site.area.high_ha * share)
        rows.append(replace(site, dekad=dekad, area=area))
    return rows


def make_chips(site, x, y):
    rng = np.random.default_rng(int(x) % 1000)
    grid = Grid.covering(Geometry(box(x - 500, y - 500, x + 500, y + 500), f"EPSG:{EPSG}"), EPSG)
    shape = grid.shape
    ground = np.stack([np.full(shape, value) for value in (0.09, 0.11, 0.06)], axis=2)
    ground = (ground * (1 + 0.25 * rng.standard_normal((*shape, 1)))).astype(np.float32)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    dug = (rows - shape[0] / 2) ** 2 + (cols - shape[1] / 2) ** 2 < (site.area.ha * 1e4 / 3.14159) / 100
    after = ground.copy()
    after[dug] = np.array([0.31, 0.26, 0.2], np.float32) * (1 + 0.1 * rng.standard_normal((int(dug.sum()), 1)))
    after[:6, :20] = np.nan
    before_rgb, after_rgb = stretch_alike([ground, after.astype(np.float32)])
    moment = dt.datetime(2024, 12, 19, 10, 53, tzinfo=dt.UTC)
    return ChipPair(
        before=Chip(
            rgb=before_rgb, geobox=grid.geobox, datetime=moment, sensor=Sensor.SENTINEL2, scene_id="scene-1f2e3d4c5b6a"
        ),
        after=Chip(
            rgb=after_rgb,
            geobox=grid.geobox,
            datetime=moment + dt.timedelta(days=360),
            sensor=Sensor.SENTINEL2,
            scene_id="scene-a6b5c4d3e2f1",
            cloud_frac=0.02,
        ),
    )


def make_alert(site, state, question):
    evidence = Evidence(
        site_id=site.id,
        area_ha=site.area.ha,
        area_low_ha=site.area.low_ha,
        area_high_ha=site.area.high_ha,
        confidence=site.confidence,
        first_day=site.opened_day,
        last_day=site.last_day,
        hits=site.hits,
        looked_dekads=site.looked_dekads,
    )
    return Alert(
        id=f"alert-{site.id}",
        aoi_id=site.aoi_id,
        site_id=site.id,
        question=question,
        state=state,
        raised_dekad=site.dekad - 5,
        dekad=site.dekad,
        evidence=evidence,
        gaps=("no-optical-look:2025-08-D1",),
    )


def make_coverage():
    """Return clear dry months, clouded wet ones, and nothing at all acquired in the first dekad of May."""
    rows = []
    for dekad in range(dekad_of(START), dekad_of(END - 1) + 1):
        month = (dekad % 36) // 3 + 1
        cloud = {6: 0.5, 7: 0.8, 8: 0.9, 9: 0.85, 10: 0.5}.get(month, 0.08)
        is_empty = dekad == dekad_of(day_of(dt.date(2025, 5, 5)))
        rows += [
            Coverage(
                aoi_id="civ-seguela",
                dekad=dekad,
                stratum_id=stratum_id,
                scenes=0 if is_empty else 4,
                look_frac=0.0 if is_empty else 1.0 - 0.55 * cloud,
                optical_frac=0.0 if is_empty else 1.0 - cloud,
            )
            for stratum_id in ("*", "", "legbo", "bobi")
        ]
    return rows


def make_declared():
    rows = []
    for label, kind, carats, usd in (
        ("2023H2", DeclaredKind.FIGURE, 2210.5, 310_000.0),
        ("2024H1", DeclaredKind.FIGURE, 2890.0, 421_940.0),
        ("2024H2", DeclaredKind.NO_PRODUCTION, None, None),
        ("2025H1", DeclaredKind.FIGURE, 41_250.0, 2_350_000.0),
        ("2025H2", DeclaredKind.MISSING, None, None),
    ):
        rows.append(
            DeclaredFigure(
                participant="Côte d'Ivoire",
                iso3="CIV",
                period=Period.parse(label),
                kind=kind,
                carats=carats,
                value_usd=usd,
                as_published_on=dt.date(2025, 9, 1) if carats else None,
                source=Sourced(source="KP statistics, public table", confidence="medium", mark="(B-H)"),
            )
        )
    return rows


def make_comparison(declared, area_ha, verdict, prob, **changes):
    new_area = Area(ha=area_ha, low_ha=0.7 * area_ha, high_ha=1.4 * area_ha)
    activity = Activity(
        aoi_id="civ-seguela",
        stratum_id="legbo",
        period=declared.period,
        new_area=new_area,
        standing_area=Area(ha=60.0, low_ha=48.0, high_ha=75.0),
        coverage_frac=0.86,
        sites=5,
    )
    capacity = CapacityInterval(
        low_ct=275.0 * area_ha,
        median_ct=1180.0 * area_ha,
        high_ct=4820.0 * area_ha,
        spread_frac={
            "grade_ct_per_m3": 0.41,
            "gravel_m": 0.31,
            "worked_frac": 0.2,
            "new_area": 0.06,
            "recovery_frac": 0.02,
        },
        draws=20_000,
    )
    facts = {
        "id": f"comparison-{declared.period.label}",
        "aoi_id": "civ-seguela",
        "participant": declared.participant,
        "period": declared.period,
        "verdict": verdict,
        "activities": (activity,),
        "declared": declared,
        "capacity": capacity,
        "prob_above_capacity": prob,
        "coverage_frac": 0.86,
    }
    return Comparison(**{**facts, **changes})


def make_events(sites):
    def event(site, kind, day):
        return SiteEvent(
            id=f"event-{site.id}-{kind}", site_id=site.id, kind=kind, dekad=dekad_of(day), day=day, area_ha=site.area.ha
        )

    return [
        event(sites[0], SiteEventKind.OPENED, START + 40),
        event(sites[0], SiteEventKind.GREW, START + 200),
        event(sites[1], SiteEventKind.GREW, START + 90),
        event(sites[2], SiteEventKind.PAUSED, START + 250),
        event(sites[3], SiteEventKind.CLOSED, START + 300),
        event(sites[4], SiteEventKind.GREW, START - 90),
    ]


def make_backdrop(grid):
    rng = np.random.default_rng(7)
    rows, cols = np.mgrid[: grid.height, : grid.width]
    river = np.abs(rows - 480 - 60 * np.sin(cols / 130.0)) < 9
    tone = 120 + 22 * np.sin(rows / 90.0) * np.cos(cols / 70.0) + 12 * rng.standard_normal(grid.shape)
    tone[river] = 60
    rgb = np.clip(np.stack([tone * 1.05, tone, tone * 0.85], axis=2), 0, 255).astype(np.uint8)
    return Backdrop(
        rgb=rgb, geobox=grid.geobox, sensor=Sensor.SENTINEL2, datetime=dt.datetime(2025, 12, 14, 10, 53, tzinfo=dt.UTC)
    )


def make_inputs(**changes):
    aoi = changes.pop("aoi", None) or make_aoi()
    grid = Grid.covering(Geometry(aoi.geometry, "EPSG:4326"), EPSG)
    spots = [(752_300, 902_400, 240), (754_900, 903_100, 150), (756_700, 902_000, 110), (753_600, 906_900, 90)]
    spots += [(758_500, 906_800, 180), (755_600, 908_000, 60)]
    sites = [make_site(f"{number:012x}", *spot) for number, spot in enumerate(spots)]
    sites[1] = replace(sites[1], opened_day=START - 400)
    sites[2] = replace(sites[2], opened_day=START - 200, status=SiteStatus.PAUSED, pond_frac=0.45)
    sites[3] = replace(sites[3], opened_day=START - 700, status=SiteStatus.CLOSED, confidence=0.6, stratum_id="")
    sites[4] = replace(sites[4], opened_day=START - 900, stratum_id="bobi", elongation=8.0)
    sites[5] = replace(sites[5], look_frac=0.3, looked_dekads=1, confidence=0.55, stratum_id="", opened_day=END - 20)
    declared = make_declared()
    facts = {
        "aoi": aoi,
        "grid": grid,
        "start_day": START,
        "end_day": END,
        "sites": sites,
        "site_history": {site.id: make_history(site) for site in sites},
        "site_events": make_events(sites),
        "alerts": [
            make_alert(sites[0], MachineState.CONFIRMED, Question.ACTIVITY_WHERE_NONE_DECLARED),
            make_alert(sites[1], MachineState.ONGOING, Question.DECLARED_OUTPUT_PLAUSIBLE),
            make_alert(sites[5], MachineState.FIRST, Question.WHICH_SITES_TO_VISIT),
        ],
        "coverage": make_coverage(),
        "comparisons": [
            make_comparison(declared[1], 3.1, Verdict.CONSISTENT, 0.31),
            make_comparison(declared[2], 4.6, Verdict.ACTIVITY_WITHOUT_DECLARATION, None),
            make_comparison(declared[3], 5.2, Verdict.DECLARED_ABOVE_CAPACITY, 0.976),
            make_comparison(
                declared[4],
                9.4,
                Verdict.NOT_ASSESSABLE,
                None,
                reasons=(NotAssessable.MISSING_SUBMISSION,),
            ),
        ],
        "declared": declared,
        "gaps": [
            Gap(
                aoi_id="civ-seguela",
                day=START + 210 + day,
                sensor=Sensor.SENTINEL2,
                scene_id=f"scene-{day}",
                reason="unreadable: truncated: B04",
                tile=f"r0c{day % 2}",
            )
            for day in range(5)
        ]
        + [
            Gap(
                aoi_id="civ-seguela",
                day=START + 3,
                sensor=None,
                scene_id="",
                reason="catalogue-failed: somewhere: sentinel-1: no answer",
            )
        ],
        "chips": {site.id: make_chips(site, *spot[:2]) for site, spot in zip(sites[:3], spots, strict=False)}
        | {sites[4].id: ChipPair(after=make_chips(sites[4], *spots[4][:2]).after)},
        "backdrop": make_backdrop(grid),
        "run": RunFacts(
            run_id="run-20260103T040000Z",
            lineage="belief-1.0-9f3a2b1c",
            kpgeo_version="0.1.0",
            snapshot_id="K7Q2M9",
            options_digest="ab12cd34ef56",
            scenes={Sensor.SENTINEL2: 71, Sensor.LANDSAT: 38, Sensor.SENTINEL1: 31},
            last_scene=dt.datetime(2025, 12, 29, 10, 53, tzinfo=dt.UTC),
            min_site_ha=0.1,
        ),
    }
    return BriefInputs(**{**facts, **changes})


@pytest.fixture(scope="session")
def inputs():
    """Return the small world."""
    return make_inputs()


@pytest.fixture(scope="session")
def empty_inputs():
    """Return an AOI of which nothing is known but its boundary."""
    aoi = make_aoi(strata=(), regimes=(), seasons=None, notes="", sensitivity="public", names={"en": "Bare"})
    grid = Grid.covering(Geometry(aoi.geometry, "EPSG:4326"), EPSG)
    return BriefInputs(aoi=aoi, grid=grid, start_day=START, end_day=END)


HOSTILE = '<script>alert(1)</script> #read("/etc/passwd") $x$ $\\frac{ {0} {site} %s =1+1 a\u202eb\u0000c \u6f22\n\nz'


@pytest.fixture(scope="session")
def hostile_inputs():
    """Return the small world with names and notes that try to be code."""
    aoi = make_aoi(name=HOSTILE, deposit=HOSTILE, notes=HOSTILE, participant=HOSTILE)
    stratum = replace(aoi.strata[0], names={"en": HOSTILE}, source=replace(KNOWN, source=HOSTILE, mark=HOSTILE))
    base = make_inputs()
    sites = [replace(site, id=f"{HOSTILE}{number}") for number, site in enumerate(base.sites)]
    chips = {sites[0].id: base.chips[base.sites[0].id]}
    gap = replace(base.gaps[0], reason=HOSTILE)
    declared = [replace(one, participant=HOSTILE, iso3="XXX") for one in base.declared]
    comparison = replace(base.comparisons[0], sentences={"en": (HOSTILE,)}, declared=declared[1])
    return replace(
        base,
        aoi=replace(aoi, strata=(stratum, aoi.strata[1])),
        sites=sites,
        site_history={},
        site_events=(),
        alerts=(),
        chips=chips,
        gaps=[gap],
        declared=declared,
        comparisons=[comparison],
        run=RunFacts(run_id=HOSTILE, lineage=HOSTILE, kpgeo_version=HOSTILE),
    )


@pytest.fixture(scope="session")
def quick():
    """Return options that draw small pictures."""
    return BriefOptions(picture_dpi=72)


@pytest.fixture(scope="session")
def bare():
    """Return options that draw small pictures, and none of sites."""
    return BriefOptions(picture_dpi=72, max_sites_with_chips=0)


@pytest.fixture(scope="session")
def contents(inputs, quick):
    """Return the small world's brief in each language."""
    return {language: compose_brief(inputs, language, quick) for language in ("en", "fr", "pt")}


@pytest.fixture(scope="session")
def hostile_content(hostile_inputs, quick):
    """Return the brief of the hostile world."""
    return compose_brief(hostile_inputs, "en", quick)


def texts_of(content):
    """Return every text of a brief, in order."""
    found = [content.title, content.subtitle, content.label, content.footer]
    for block in content.blocks:
        found += [getattr(block, name, "") for name in ("text", "title", "caption", "alt", "note")]
        for item in getattr(block, "items", ()):
            found += [item] if isinstance(item, str) else [item.value, item.label, item.note]
        found += [column.title for column in getattr(block, "columns", ())]
        found += [cell for row in getattr(block, "rows", ()) for cell in row]
    return [text for text in found if text]


@pytest.fixture(scope="session")
def said():
    """Return a function that joins every text of a brief."""
    return lambda content: "\n".join(texts_of(content))


@pytest.fixture(scope="session")
def world():
    """Return the makers of the small world, for tests that change it."""
    return SimpleNamespace(
        inputs=make_inputs, aoi=make_aoi, site=make_site, coverage=make_coverage, start=START, end=END
    )
