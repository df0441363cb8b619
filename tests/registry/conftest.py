"""A valid AOI to break, and a way to write it down."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = {"source": "made up for a test", "confidence": "low", "mark": "(B-L)"}
SQUARE = [[-6.7, 8.1], [-6.5, 8.1], [-6.5, 8.3], [-6.7, 8.3], [-6.7, 8.1]]
SMALL = [[-6.65, 8.15], [-6.6, 8.15], [-6.6, 8.2], [-6.65, 8.2], [-6.65, 8.15]]
OTHER = [[-6.58, 8.22], [-6.52, 8.22], [-6.52, 8.28], [-6.58, 8.28], [-6.58, 8.22]]


def _prior(family: str, low: float, high: float) -> dict[str, Any]:
    return {"family": family, "low": low, "high": high, "source": SOURCE}


VALID: dict[str, Any] = {
    "type": "FeatureCollection",
    "kpgeo_aoi": 1,
    "features": [
        {
            "type": "Feature",
            "properties": {
                "role": "boundary",
                "id": "civ-test",
                "names": {"en": "Test field", "fr": "Champ d'essai", "pt": "Campo de teste"},
                "iso3": "CIV",
                "country": "Côte d'Ivoire",
                "participant": "Côte d'Ivoire",
                "deposit": "dykes",
                "epsg": 32629,
                "source": SOURCE,
                "notes": "",
                "seasons": {"dry_months": [11, 12, 1, 2, 3], "burn_months": [12, 1, 2], "source": SOURCE},
                "regimes": [
                    {
                        "kind": "embargo",
                        "start": "2005-12-15",
                        "end": "2014-04-29",
                        "note": {"en": "Embargo"},
                        "source": SOURCE,
                    }
                ],
                "sensitivity": "kp-only",
            },
            "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
        },
        {
            "type": "Feature",
            "properties": {
                "role": "stratum",
                "id": "dyke",
                "deposit_type": "dyke",
                "names": {"en": "Dyke"},
                "source": SOURCE,
                "priors": {
                    "worked_frac": _prior("beta", 4, 4),
                    "gravel_m": _prior("uniform", 0.2, 1.0),
                    "grade_ct_per_m3": _prior("loguniform", 0.3, 1.9),
                    "recovery_frac": _prior("uniform", 0.6, 0.9),
                },
            },
            "geometry": {"type": "Polygon", "coordinates": [SMALL]},
        },
        {
            "type": "Feature",
            "properties": {
                "role": "stratum",
                "id": "flats",
                "deposit_type": "alluvial-flat",
                "names": {"en": "Flats"},
                "source": SOURCE,
                "priors": None,
            },
            "geometry": {"type": "Polygon", "coordinates": [OTHER]},
        },
    ],
}


@pytest.fixture
def valid() -> dict[str, Any]:
    """Return a fresh copy of a valid AOI file."""
    return copy.deepcopy(VALID)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an AOI file and gives its path."""

    def _write(content: object, name: str = "civ-test.geojson") -> Path:
        raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        path = tmp_path / name
        path.write_bytes(raw)
        return path

    return _write
