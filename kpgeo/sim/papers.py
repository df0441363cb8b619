"""The papers that come with a world: its AOI file, declared production, pipeline file and the summary of the truth."""

from typing import Any

from shapely import orient_polygons
from shapely.geometry import mapping

from kpgeo.model.aoi import SIMULATED
from kpgeo.model.calendar import Period
from kpgeo.sim.around import around_features
from kpgeo.sim.ground import Terrain
from kpgeo.sim.items import COLLECTIONS
from kpgeo.sim.landscape import EPSG, Frame
from kpgeo.sim.truth import (
    DYKE,
    FLAT,
    Factors,
    boundary_utm,
    dug_areas,
    half_years,
    iso,
    strata_utm,
    to_4326,
    true_factors,
)

Paper = dict[str, Any]

PARTICIPANT, ISO3 = "Simulated participant", "XSM"
_SOURCE = {"source": "simulated world", "confidence": "high", "mark": SIMULATED}
_NAMES = {
    FLAT: {"en": "Alluvial flat", "fr": "Plaine alluviale", "pt": "Planície aluvial"},
    DYKE: {"en": "Dyke corridor", "fr": "Couloir du dyke", "pt": "Corredor do dique"},
}
_PRIORS: dict[str, dict[str, tuple[str, float, float]]] = {
    FLAT: {
        "worked_frac": ("beta", 4.0, 4.0),
        "gravel_m": ("uniform", 0.2, 1.0),
        "grade_ct_per_m3": ("loguniform", 0.3, 1.9),
        "recovery_frac": ("uniform", 0.6, 0.9),
    },
    DYKE: {
        "worked_frac": ("beta", 4.0, 4.0),
        "gravel_m": ("uniform", 0.5, 2.0),
        "grade_ct_per_m3": ("loguniform", 1.0, 10.0),
        "recovery_frac": ("uniform", 0.6, 0.9),
    },
}
_MIDDLE_CT_PER_HA = {FLAT: 1e4 * 0.5 * 0.6 * 0.755 * 0.75, DYKE: 1e4 * 0.5 * 1.25 * 3.162 * 0.75}
_FAR_ABOVE = 40.0
_MIN_CT = 25.0


def aoi_id(seed: int) -> str:
    """Return the id of a world's AOI."""
    return f"sim-{seed}"


def aoi_paper(terrain: Terrain) -> Paper:
    """Return the AOI file: boundary, strata with priors, seasons, surroundings; no regulatory period is in force."""
    seed = terrain.options.seed
    boundary = {
        "role": "boundary",
        "id": aoi_id(seed),
        "names": {"en": f"Simulated area {seed}", "fr": f"Zone simulée {seed}", "pt": f"Área simulada {seed}"},
        "iso3": ISO3,
        "country": "Simulated land",
        "participant": PARTICIPANT,
        "deposit": "alluvial flats and a kimberlitic dyke (simulated)",
        "epsg": EPSG,
        "source": _SOURCE,
        "notes": "A simulated world. Nothing in it is real.",
        "seasons": {"dry_months": [11, 12, 1, 2, 3], "burn_months": [11, 12, 1, 2], "source": _SOURCE},
        "regimes": [],
        "sensitivity": "public",
    }
    features = [_feature(to_4326(boundary_utm(terrain.frame)), boundary)]
    for name, geometry in strata_utm(terrain).items():
        if geometry.is_empty:
            continue
        row = {
            "role": "stratum",
            "id": name,
            "deposit_type": name,
            "names": _NAMES[name],
            "source": _SOURCE,
            "priors": {factor: _prior(*spec) for factor, spec in _PRIORS[name].items()},
        }
        features.append(_feature(to_4326(geometry), row))
    features += around_features(terrain, _SOURCE)
    return {"type": "FeatureCollection", "kpgeo_aoi": 1, "features": features}


def _prior(family: str, low: float, high: float) -> Paper:
    source = {"source": "set for the simulated world", "confidence": "medium", "mark": SIMULATED}
    return {"family": family, "low": low, "high": high, "source": source}


def _feature(geometry: Any, properties: Paper) -> Paper:
    return {"type": "Feature", "properties": properties, "geometry": mapping(orient_polygons(geometry))}


def declared_rows(terrain: Terrain) -> list[Paper]:
    """Return what the simulated participant declares for the last three half-years, and which story each one tells.

    The stories are `fits` (the middle of the priors times the ground really dug), `exceeds` (forty times that) and
    `silent` (nothing submitted while digging goes on). With three monitored half-years or more they are the first three
    of these; with two, `fits` falls in the history.
    """
    frame = terrain.frame
    periods = half_years(frame)
    watched = [p for p in periods if p.start_day >= frame.monitor_day]
    chosen = watched[:3] if len(watched) >= 3 else periods[-3:]
    rows = []
    for period, story in zip(chosen, ("fits", "exceeds", "silent"), strict=False):
        areas = dug_areas(terrain, period)
        middle = max(sum(_MIDDLE_CT_PER_HA[name] * areas[name]["new_ha"] for name in (FLAT, DYKE)), _MIN_CT)
        carats = {"fits": middle, "exceeds": _FAR_ABOVE * middle, "silent": None}[story]
        rows.append({"period": period, "story": story, "carats": None if carats is None else round(carats, 2)})
    return rows


def declared_csv(terrain: Terrain) -> str:
    """Return the declared production file."""
    lines = ["participant,iso3,aoi,period,kind,carats,value_usd,as_published_on,source,confidence,entered_by"]
    for row in declared_rows(terrain):
        carats, period = row["carats"], row["period"]
        figure = "" if carats is None else f"{carats:.2f}"
        value = "" if carats is None else f"{carats * 180.0:.2f}"
        kind = "missing" if carats is None else "figure"
        published = iso(period.end_day + 60)
        lines.append(
            f"{PARTICIPANT},{ISO3},{aoi_id(terrain.options.seed)},{period.label},{kind},{figure},{value},"
            f"{published},simulated world,high,kpgeo sim"
        )
    return "\n".join(lines) + "\n"


def pipeline_toml(frame: Frame) -> str:
    """Return the pipeline file that reads the world."""
    collections = ", ".join(f'{sensor.value} = "{name}"' for sensor, name in COLLECTIONS.items())
    return "\n".join(
        [
            'name = "sim"',
            'aois = ["aoi.geojson"]',
            'workspace = "workspace"',
            "",
            "[[catalog]]",
            'url = "catalog.json"',
            f"collections = {{ {collections} }}",
            "",
            "[history]",
            f"start = {iso(frame.start_day)}",
            f"end = {iso(frame.monitor_day)}",
            "",
            "[production]",
            'declared = ["declared.csv"]',
            "",
        ]
    )


def world_paper(terrain: Terrain) -> Paper:
    """Return the summary of the truth: options, ground newly dug, true carats, what each declaration is."""
    factors = true_factors(terrain.options.seed)
    frame = terrain.frame
    return {
        "kpgeo_world": 1,
        "aoi": aoi_id(terrain.options.seed),
        "options": terrain.options.recorded(),
        "options_digest": terrain.options.digest(),
        "history": {"start": iso(frame.start_day), "end": iso(frame.monitor_day)},
        "monitored": {"start": iso(frame.monitor_day), "end": iso(frame.end_day)},
        "sites": len(terrain.diggings),
        "sites_opened_while_monitored": sum(d.opened_day >= frame.monitor_day for d in terrain.diggings),
        "factors": {name: {**vars(f), "ct_per_ha": round(f.ct_per_ha, 1)} for name, f in factors.items()},
        "half_years": [_half_year(terrain, period, factors) for period in half_years(frame)],
        "declared": [
            {"period": row["period"].label, "story": row["story"], "carats": row["carats"]}
            for row in declared_rows(terrain)
        ],
    }


def _half_year(terrain: Terrain, period: Period, factors: dict[str, Factors]) -> Paper:
    """Return what was dug and won in a half-year. Ground outside the strata holds no diamonds."""
    areas = dug_areas(terrain, period)
    carats = {name: round(areas[name]["new_ha"] * factors[name].ct_per_ha, 2) for name in (FLAT, DYKE)}
    return {
        "period": period.label,
        "monitored": period.start_day >= terrain.frame.monitor_day,
        "strata": {name: {**areas[name], "true_ct": carats.get(name, 0.0)} for name in areas},
        "true_ct": round(sum(carats.values()), 2),
    }
