"""Explanations: what is said follows from the trace, and the picture holds no place and no date of its own."""

import datetime as dt
import io
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
import shapely
from PIL import Image

from kpgeo.brief import draw_explanation, list_looks, say_explanation
from kpgeo.brief.explain_words import head_of, label_of
from kpgeo.brief.explanation import Explanation, blind_spans, likeliest, spells, weigh_evidence
from kpgeo.brief.words import NBSP, Words
from kpgeo.model.aoi import LANGUAGES, Aoi, Sourced
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.errors import BadInputError
from kpgeo.model.run import Gap
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Area, Site, SiteStatus
from kpgeo.model.state import LandState
from kpgeo.model.trace import DekadTrace, LookTrace, PixelTrace

BEGIN = day_of(dt.date(2024, 1, 1))
FIRST = dekad_of(BEGIN)
TURN = BEGIN + 60
LON, LAT = -6.618273, 8.173652
AOI = Aoi(
    id="civ-seguela",
    names={"en": "Séguéla", "fr": "Séguéla", "pt": "Séguéla"},
    iso3="CIV",
    country="Côte d'Ivoire",
    participant="Côte d'Ivoire",
    deposit="dykes",
    geometry=shapely.box(-6.75, 8.0, -6.45, 8.35),
    epsg=32629,
    source=Sourced(source="made up for a test", confidence="low"),
)
SITE = Site(
    id="site-0123456789ab", aoi_id=AOI.id, dekad=FIRST + 9, status=SiteStatus.ACTIVE, geometry=shapely.box(0, 0, 1, 1),
    opened_day=TURN, grown_day=TURN, last_day=TURN + 30, area=Area(ha=1.0, low_ha=0.5, high_ha=1.5), peak_area_ha=1.0,
    confidence=0.9, pond_frac=0.0, look_frac=1.0, elongation=1.0, hits=3, looked_dekads=3, seed_row=1, seed_col=1,
    stratum_id="",
)  # fmt: skip


def belief(state, chance):
    """Return a belief of `chance` in one state; the others share the rest."""
    rest = (1.0 - chance) / (len(LandState) - 1)
    return tuple(chance if one is state else rest for one in LandState)


USUAL, SCAR, PIT = belief(LandState.STABLE, 0.97), belief(LandState.BURNT, 0.8), belief(LandState.DUG, 0.94)


def look(day, before, after, *, sensor=Sensor.SENTINEL2, unseen=""):
    expected = (-10.0, -16.0) if sensor.is_radar else (0.08, 0.09, 0.26, 0.18)
    shift = 0.0 if before == after else 5.0
    scatter = tuple(1.0 if sensor.is_radar else 0.01 for _ in expected)
    return LookTrace(
        day=day, sensor=sensor, scene_id=f"scene-{day}-{sensor}", expected=expected, scatter=scatter,
        seen=() if unseen else tuple(m + shift * s for m, s in zip(expected, scatter, strict=True)),
        level_db=(0.4, 0.4) if sensor.is_radar else (), before=before, after=after, unseen=unseen,
    )  # fmt: skip


def trace(changes, *, dekads=12, unseen_days=(), apart=()):
    """Return a trace with a look every fourth day, whose belief changes on the days named."""
    rows, now = [], USUAL
    for dekad in range(FIRST, FIRST + dekads):
        start, looks = now, []
        for day in range(dekad_start(dekad), dekad_end(dekad)):
            if day in changes:
                looks.append(look(day, now, changes[day]))
                now = changes[day]
            elif (day - BEGIN) % 4 == 1:
                sensor = (Sensor.SENTINEL1, Sensor.LANDSAT)[(day - BEGIN) % 8 // 4]
                is_seen = day not in unseen_days or sensor.is_radar
                looks.append(look(day, now, now, sensor=sensor, unseen="" if is_seen else "cloud"))
        rows.append(
            DekadTrace(
                dekad=dekad,
                start=start,
                end=now,
                looks=tuple(looks),
                mined_frac=0.5,
                onset_day=TURN if now == PIT else 0,
                optical=(0.08, 0.09, 0.26, 0.18),
                optical_scatter=(0.01,) * 4,
                radar=(-10.0, -16.0),
                radar_scatter=(1.0, 1.0),
            )
        )
    return PixelTrace(row=1, col=1, dekads=tuple(rows), apart=apart)


def explanation(traced, **given):
    facts = {
        "aoi": AOI, "pixel_id": "pixel-0123456789ab", "lon": LON, "lat": LAT, "trace": traced, "site": SITE,
        "alert": None, "rank": 2, "of_pixels": 31, "history": (BEGIN - 730, BEGIN), "snapshot_id": "SNAPSHOT",
        "history_scenes": {Sensor.SENTINEL2: 100, Sensor.LANDSAT: 40, Sensor.SENTINEL1: 60},
        "detector": "belief-1", "lineage": "belief-1-0a1b2c3d4e5f",
    }  # fmt: skip
    return Explanation(**{**facts, **given})


@pytest.fixture(scope="module")
def dug():
    return explanation(trace({BEGIN + 12: SCAR, BEGIN + 28: USUAL, TURN: PIT}, unseen_days=range(TURN, TURN + 40)))


def said(one, language="en"):
    return " ".join(say_explanation(one, language)).replace(NBSP, " ")


def test_what_happened_is_said_in_order(dug):
    text = said(dug)
    assert "From 1 January 2024 to 30 April 2024" in text
    scar, pit = text.index("burnt or flooded (at most 80 %)"), text.index("mining (at most")
    assert scar < pit
    assert "From 13 January 2024 to 29 January 2024 the likeliest was: burnt" in text
    assert "first made mining likelier than not: Sentinel-2, 1 March 2024" in text
    assert "+5.0" in text
    assert "Digging is dated back to 1 March 2024." in text
    assert "At the end: mining 95 % (dug 94 %, pit pond 1 %)." in text


def test_what_was_not_seen_is_said(dug):
    text = said(dug)
    first, last = blind_spans(dug, is_optical=True)[0]
    assert last - first > 40
    assert f"Longest time without a clear optical look: {last - first} days" in text
    assert "of any sensor" not in text  # radar looked every eighth day
    clouded = sum(look.unseen == "cloud" for look in dug.trace.looks)
    assert f"Acquired and not clear: cloud {clouded}." in text


def test_scenes_that_did_not_reach_the_pixel_are_no_looks(dug):
    beside = [replace(one, unseen="not_acquired") if one.unseen else one for one in dug.trace.dekads[6].looks]
    dekads = (*dug.trace.dekads[:6], replace(dug.trace.dekads[6], looks=tuple(beside)), *dug.trace.dekads[7:])
    fewer = replace(dug, trace=replace(dug.trace, dekads=dekads))
    lost = sum(one.unseen == "not_acquired" for one in beside)
    assert lost > 0
    acquired = [int(re.search(r"(\d+) acquisitions", said(one))[1]) for one in (dug, fewer)]
    assert acquired[0] - acquired[1] == lost


def test_a_quiet_pixel_is_said_to_be_quiet():
    text = said(explanation(trace({}), site=None))
    assert "as its season has it throughout" in text
    assert "Mining was never likelier than not" in text
    assert "dated back" not in text


def test_a_trace_that_is_not_as_stored_says_so(dug):
    assert "equals the stored one in every dekad" in said(dug)
    gap = Gap(aoi_id=AOI.id, day=BEGIN, sensor=Sensor.LANDSAT, scene_id="scene-x", reason="unreadable", tile="r0c0")
    other = replace(dug, trace=replace(dug.trace, apart=((FIRST, 0.25),)), gaps=(gap,))
    text = said(other)
    assert "differs from the stored one in 1 of 12 dekads, by at most 0.2500" in text
    assert "Scenes that cannot be read now: 1." in text
    assert "equals" not in text


def test_evidence_adds_up_by_kind_of_sensor(dug):
    evidence = weigh_evidence(dug.trace, TURN)
    by_day = {one.day: one for one in dug.trace.looks if one.move_nats}
    assert evidence.optical_nats == pytest.approx(by_day[TURN].move_nats)
    since_the_scar_faded = weigh_evidence(dug.trace, BEGIN + 28).optical_nats
    assert since_the_scar_faded == pytest.approx(by_day[TURN].move_nats + by_day[BEGIN + 28].move_nats)
    assert evidence.radar_nats == 0.0


def test_spells_are_those_of_the_likeliest_with_mining_as_one():
    half = tuple(0.3 if one in {LandState.DUG, LandState.POND} else 0.08 for one in LandState)
    assert likeliest(half) == (LandState.DUG, 0.6)
    found = spells(trace({BEGIN + 12: SCAR, BEGIN + 28: USUAL}))
    assert [spell.state for spell in found] == [LandState.STABLE, LandState.BURNT, LandState.STABLE]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_says_where_the_pixel_lies(dug, language):
    words = Words(language)
    text = " ".join([*say_explanation(dug, language), *list_looks(dug, language), *head_of(dug, words)])
    assert not re.search(r"8[.,]17|6[.,]61", text)
    assert "{" not in text
    assert label_of(dug, words).startswith("KP ONLY")
    assert label_of(replace(dug, aoi=replace(AOI, sensitivity="public")), words) == ""


def test_the_png_is_pixels_and_nothing_else(dug):
    content = draw_explanation(dug, "en", dpi=72)
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (595, 841)
    assert set(picture.info) <= {"dpi"}
    assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert content == draw_explanation(dug, "en", dpi=72)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_runs_off_the_page(dug, language):
    pixels = np.asarray(Image.open(io.BytesIO(draw_explanation(dug, language, dpi=72))).convert("L"))
    for margin in (pixels[:, :12], pixels[:, -12:], pixels[:12], pixels[-16:]):
        assert margin.min() == 255
    assert pixels[:, 36:60].min() < 128


@pytest.mark.parametrize("picture_format", ["svg", "pdf"])
def test_vector_files_hold_no_place_and_no_date(dug, picture_format):
    content = draw_explanation(dug, "fr", picture_format)
    assert content == draw_explanation(dug, "fr", picture_format)
    text = content
    if picture_format == "pdf":
        assert content.startswith(b"%PDF")
        streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, flags=re.DOTALL)
        text += b"".join(zlib.decompress(one) for one in streams if one[:1] == b"x")
    else:
        assert b"<svg" in content
        assert b"metadata" not in content
    for word in (b"CreationDate", b"Producer", b"Matplotlib", b"8.1736", b"6.6182", b"6,6182", b"<dc:", b"SNAPSHOT"):
        assert word not in text, word


def test_a_pixel_that_nobody_saw_can_be_drawn():
    dekads = tuple(replace(one, looks=()) for one in trace({}).dekads)
    blind = explanation(PixelTrace(row=0, col=0, dekads=dekads))
    assert draw_explanation(blind, "pt", dpi=72)
    assert "0 saw it clearly" in said(blind)


@pytest.mark.parametrize("bands", [(), ("blue",), ("red", "red")])
def test_bands_that_cannot_be_drawn_are_refused(dug, bands):
    with pytest.raises(BadInputError, match="bands"):
        draw_explanation(dug, "en", bands=bands)


def test_every_band_chosen_gets_a_panel(dug):
    panels = [
        draw_explanation(dug, "en", "svg", bands=bands).count(b'id="axes_') for bands in (("red",), ("nir", "swir22"))
    ]
    assert panels[1] == panels[0] + 1
