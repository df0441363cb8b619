"""`kpgeo plan` on a recorded search of a real catalogue, page by page, from the command line to the JSON on stdout."""

import gzip
import json

import pytest
from typer.testing import CliRunner

from kpgeo import cli
from tests.catalog.recorded_server import RecordedServer

_BOX = [[-40.2, -5.3], [-38.8, -5.3], [-38.8, -4.3], [-40.2, -4.3], [-40.2, -5.3]]
_EARTH_SEARCH = ("earthsearch_v1_mixed_0.json", "earthsearch_v1_mixed_1.json")


@pytest.fixture
def recorded(shared):
    """Read the recorded answer of one search."""

    def read(name):
        content = (shared / "data" / "stac_recorded" / name).read_bytes()
        return json.loads(gzip.decompress(content) if name.endswith(".gz") else content)["response"]

    return read


def _write_pipeline(folder, collections):
    """Write an AOI around the recorded scenes and a pipeline that asks for them, and return the pipeline's path."""
    source = {"source": "a box around recorded scenes", "confidence": "low", "mark": ""}
    properties = {
        "role": "boundary", "id": "bra-ceara", "names": {"en": "Ceará", "fr": "Ceará", "pt": "Ceará"}, "iso3": "BRA",
        "country": "Brazil", "participant": "Brazil", "deposit": "none known", "epsg": 32724, "source": source,
        "notes": "", "seasons": None, "regimes": [], "sensitivity": "public",
    }  # fmt: skip
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [_BOX]}, "properties": properties}
    document = {"type": "FeatureCollection", "kpgeo_aoi": 1, "features": [feature]}
    (folder / "bra-ceara.geojson").write_text(json.dumps(document))
    path = folder / "pipeline.toml"
    path.write_text(
        'name = "recorded"\naois = ["bra-ceara.geojson"]\n'
        + "".join(
            f'[[catalog]]\nurl = "{url}"\ncollections = {{ sentinel-2 = "{name}" }}\n' for url, name in collections
        )
        + "[history]\nstart = 2024-01-01\nend = 2025-07-01\n[wire]\nrequest_attempts = 1\n"
    )
    return path


def _plan(path, *args):
    result = CliRunner().invoke(cli.app, ["plan", str(path), "--json", *args])
    return result.exit_code, result.stdout.rstrip().split("\n"), result.stderr


def test_a_recorded_search_of_two_pages_is_planned(recorded, tmp_path):
    with RecordedServer([recorded(name) for name in _EARTH_SEARCH]) as server:
        path = _write_pipeline(tmp_path, [(server.url, "sentinel-2-c1-l2a"), (server.url, "sentinel-2-l2a")])
        code, lines, errors = _plan(path, "--since", "2025-07-31", "--until", "2025-08-01")
    assert code == 0, errors
    tokens = [asked.get("next") or asked.get("token") for asked in server.asked]
    assert [token is not None for token in tokens] == [False, True, False, True], "each collection in two pages"
    plan = json.loads(lines[-1])
    assert plan["pipeline"] == "recorded"
    (aoi,) = plan["aois"]
    assert aoi["scenes"] == {"sentinel-2": {"found": 1, "new": 1, "applied": 0, "dropped": 4}}
    assert (aoi["aoi"], aoi["fits_baseline"], aoi["gaps"]) == ("bra-ceara", True, [])
    assert (aoi["since"], aoi["until"], aoi["last_dekad"]) == ("2025-07-31", "2025-08-01", "2025-07-D3")
    assert aoi["tiles"] == 31 * 22, "155 km by 111 km in tiles of 5.12 km"
    assert aoi["bytes"]["basis"] == {"file sizes": 1.0}, "as Earth Search says"
    assert 0.5 < aoi["bytes"]["low"] / aoi["bytes"]["decoded"] < 1.0 < aoi["bytes"]["high"] / aoi["bytes"]["decoded"]
    assert any("2025-07-31" in line for line in lines), "the table names the scene's day"
    assert not list(tmp_path.rglob("*.tif"))


def test_a_catalogue_that_breaks_off_between_pages_is_no_plan(recorded, tmp_path):

    def refuse_the_second(_, answerer, asked):
        if asked.get("next") or asked.get("token"):
            answerer.send_error(500)
            return True
        return False

    with RecordedServer([recorded(name) for name in _EARTH_SEARCH], refuse_the_second) as server:
        path = _write_pipeline(tmp_path, [(server.url, "sentinel-2-c1-l2a")])
        code, lines, errors = _plan(path, "--since", "2025-07-31", "--until", "2025-08-01")
    assert code == 4, errors
    assert json.loads(lines[-1])["exit_code"] == 4
    assert "Traceback" not in errors
