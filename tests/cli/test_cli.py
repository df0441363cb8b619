"""The command line: what goes to stdout and stderr, what exit codes mean, and that errors are sentences."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpgeo import cli, flows
from kpgeo.cli.console import clean
from kpgeo.cli.upkeep import _lines
from kpgeo.model.errors import UpstreamError

_PIPELINE = """
name = "{name}"
aois = ["civ-seguela"]
[[catalog]]
url = "nowhere/catalog.json"
collections = {{ sentinel-2 = "s2" }}
[history]
start = 2023-01-01
end = 2024-01-01
"""


def _kpgeo(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


def _last_json(stdout: str) -> dict[str, object]:
    content = json.loads(stdout.rstrip().split("\n")[-1])
    assert isinstance(content, dict)
    return content


def test_version_and_help() -> None:
    assert _kpgeo("--version")[1].startswith("kpgeo ")
    code, out, _ = _kpgeo("--help")
    assert code == 0
    for noun in (
        "demo",
        "sim",
        "aoi",
        "plan",
        "run",
        "alerts",
        "sites",
        "declare",
        "compare",
        "export",
        "brief",
        "explain",
        "doctor",
    ):
        assert noun in out


@pytest.mark.parametrize(
    "args",
    [
        ("run",),
        ("nonsense",),
        ("alerts", "show"),
        ("run", "missing.toml"),
        ("aoi", "show", "xyz-nowhere"),
        ("alerts", "list", "--workspace", "/nonexistent/workspace"),
        ("sim", "write", "--out", "world", "--size", "33"),
        ("brief", "civ-seguela", "--from", "yesterday", "--to", "2024-01-01"),
        ("compare", "--period", "2024H3"),
        ("explain", "missing.toml", "--site", "site-x"),
        ("explain", "missing.toml"),
        ("explain", "missing.toml", "--site", "site-x", "--at", "1,2"),
        ("explain", "missing.toml", "--at", "here"),
        ("explain", "missing.toml", "--at", "-6.6,8.1", "--out", "why.bmp"),
        ("explain", "missing.toml", "--at", "-6.6,8.1", "--bands", "blue"),
        ("explain", "missing.toml", "--at", "-6.6,8.1", "--language", "de"),
    ],
)
def test_bad_input_is_exit_code_2_and_a_sentence(
    args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = _kpgeo(*args)
    assert code == 2
    assert err.strip()
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_an_unreachable_catalogue_is_exit_code_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(*args: object, **named: object) -> None:
        raise UpstreamError("No catalogue answered.", where="catalog")

    monkeypatch.setattr("kpgeo.flows.watching.scenes.catalog.find_scenes", no_answer)
    pipeline = tmp_path / "pipeline.toml"
    pipeline.write_text(_PIPELINE.format(name="p"))
    for command in ("plan", "run"):
        code, out, err = _kpgeo(command, pipeline, "--workspace", tmp_path / "workspace", "--json")
        assert code == 4
        assert "No catalogue answered" in err
        assert _last_json(out)["exit_code"] == 4


def test_an_unexpected_error_has_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*args: object, **named: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("kpgeo.registry.list_aois", burst)
    monkeypatch.delenv("KPGEO_DEBUG", raising=False)
    code, _, err = _kpgeo("aoi", "list")
    assert code == 1
    assert "ZeroDivisionError: by nothing" in err
    assert "Traceback" not in err


def test_untrusted_text_cannot_move_the_cursor(tmp_path: Path) -> None:
    pipeline = tmp_path / "pipeline.toml"
    pipeline.write_text(_PIPELINE.format(name="p\\u001b[31mX"))
    code, _, err = _kpgeo("run", pipeline)
    assert code == 2
    assert "\x1b" not in err
    assert clean("a\x1b]0;title\x07b\u202ec\x9bd\r\nf") == "a]0;titlebcd  f"


def test_aoi_list_is_a_table_and_an_object() -> None:
    code, out, _ = _kpgeo("aoi", "list", "--json")
    assert code == 0
    aois = _last_json(out)["aois"]
    assert isinstance(aois, list)
    assert "civ-seguela" in {aoi["id"] for aoi in aois}
    assert sum(line.startswith("civ-seguela ") for line in out.split("\n")) == 1


def test_aoi_check_names_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "broken.geojson"
    path.write_text("{}")
    code, out, err = _kpgeo("aoi", "check", path, "--json")
    assert code == 2
    assert "[" in err
    assert _last_json(out)["is_valid"] is False


def test_what_a_run_found_can_be_looked_at(small_world: Path, watched: Path) -> None:
    workspace = ("--workspace", watched)
    code, out, _ = _kpgeo("alerts", "list", "--all", *workspace, "--json")
    assert code == 0
    alerts = _last_json(out)["alerts"]
    assert isinstance(alerts, list)
    assert alerts
    code, out, _ = _kpgeo("alerts", "show", alerts[0]["id"], *workspace, "--json")
    assert code == 0
    assert _last_json(out)["alert"] == alerts[0]
    sites = _last_json(_kpgeo("sites", "list", *workspace, "--json")[1])["sites"]
    assert isinstance(sites, list)
    site = next(row for row in sites if row["id"] == alerts[0]["site"])
    assert f"at {site['lat']:.5f}, {site['lon']:.5f}" in out, "where to look"
    assert f"Looked at by {', '.join(alerts[0]['sensors']) or 'no sensor'}" in out, "on whose evidence"
    around = site["surroundings"]
    assert _last_json(out)["surroundings"] == around
    assert around["permit_standing"] in {"inside", "partly-inside", "outside", "inside-expired"}
    assert around["nearest_drainage"] is None, "no layer of drainage: not known, and not 0"
    assert around["nearest_road"]["distance_m"] % 10 == 0
    assert around["nearest_settlement"]["name"].startswith("Simulated village")
    assert "drainage not known" in out
    assert "recorded permit" in out
    assert "Images do not tell." in out or "images do not." in out
    assert "illegal" not in out
    code, out, _ = _kpgeo("sites", "show", alerts[0]["site"], *workspace)
    assert code == 0
    assert alerts[0]["site"] in out
    assert "newly disturbed ha" in out
    months = _last_json(_kpgeo("sites", "show", alerts[0]["site"], *workspace, "--json")[1])["months"]
    assert isinstance(months, list)
    assert [month["month"] for month in months] == sorted({month["month"] for month in months})
    assert any(month["newly_disturbed"] and month["newly_disturbed"]["ha"] > 0.0 for month in months)
    assert all(month["mined"] is None for month in months if month["looked_dekads"] == 0)
    code, out, _ = _kpgeo("sites", "list", *workspace, "--json")
    sites = _last_json(out)["sites"]
    assert isinstance(sites, list)
    assert len(sites) >= len(alerts)
    code, out, _ = _kpgeo("plan", small_world / "pipeline.toml", *workspace, "--json")
    assert code == 0
    assert "nothing to do" in out
    assert _kpgeo("alerts", "show", "alert-nope", *workspace)[0] == 2
    assert _kpgeo("alerts", "list", "--aoi", "nowhere", *workspace)[0] == 2


@pytest.mark.parametrize("kind", ["sites", "site-months"])
@pytest.mark.parametrize("file_format", ["geojson", "csv"])
def test_export_writes_what_there_is(watched: Path, tmp_path: Path, kind: str, file_format: str) -> None:
    out = tmp_path / f"{kind}.{file_format}"
    code, told, _ = _kpgeo("export", kind, "--format", file_format, "--out", out, "--workspace", watched, "--json")
    assert code == 0
    assert _last_json(told)["rows"]
    assert out.stat().st_size > 200


def test_compare_and_declare(watched: Path, small_world: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(watched, tmp_path / "workspace"))
    code, out, _ = _kpgeo("compare", "--workspace", workspace, "--period", "2023H1", "--json")
    assert code == 0
    comparisons = _last_json(out)["comparisons"]
    assert isinstance(comparisons, list)
    assert [one["period"] for one in comparisons] == ["2023H1"]
    code, out, _ = _kpgeo("declare", "import", small_world / "declared.csv", "--workspace", workspace, "--json")
    assert code == 0
    assert _last_json(out)["entered"] == 0, "the run has entered them already"
    assert "Simulated participant" in _kpgeo("declare", "list", "--workspace", workspace)[1]
    assert _kpgeo("compare", "--workspace", workspace, "--period", "2031H1")[0] == 2
    code, _, err = _kpgeo("compare", "--workspace", workspace, "--participant", "Nobody")
    assert code == 2
    assert "Simulated participant" in err
    code, out, _ = _kpgeo("compare", "--workspace", workspace, "--participant", "Simulated participant", "--json")
    assert code == 0
    (joint,) = _last_json(out)["comparisons"]  # type: ignore[misc]
    assert joint["period"] == "2023H1"  # type: ignore[index]
    code, out, _ = _kpgeo("compare", "--workspace", workspace, "--participant", "GIN", "--period", "2023H1", "--json")
    assert code == 0
    (unwatched,) = _last_json(out)["comparisons"]  # type: ignore[misc]
    assert (unwatched["verdict"], unwatched["reasons"]) == ("not-assessable", ["coverage"])  # type: ignore[index]
    assert "None of the" in unwatched["sentences"]["en"][0]  # type: ignore[index]


def test_a_cluster_that_is_none_is_exit_code_2(small_world: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    code, _, err = _kpgeo("run", small_world / "pipeline.toml", "--workspace", workspace, "--cluster", "cloud")
    assert code == 2
    assert "--cluster" in err
    assert not workspace.exists()


def test_doctor_finds_what_is_missing(tmp_path: Path) -> None:
    pipeline = tmp_path / "pipeline.toml"
    pipeline.write_text(_PIPELINE.format(name="p"))
    code, out, _ = _kpgeo("doctor", pipeline, "--workspace", tmp_path / "workspace", "--json")
    assert code == 4
    told = _last_json(out)
    assert told["exit_code"] == 4
    states = {one["check"]: one["state"] for one in told["findings"]}  # type: ignore[attr-defined]
    assert states["raster formats"] == "ok"
    assert states["catalogue nowhere/catalog.json"] == "fail"
    assert "-> Correct `url` under [[catalog]] in the pipeline file." in out
    assert "Not ready: 1 thing to mend" in out
    pipeline.write_text("nonsense")
    code, out, _ = _kpgeo("doctor", pipeline, "--workspace", tmp_path / "workspace")
    assert code == 2
    assert "python: Python 3" in out, "what can be looked at without the pipeline is"
    assert not (tmp_path / "workspace").exists()


@pytest.mark.fault(49)
def test_a_terminal_without_accents_is_warned_of_and_not_stopped_by(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = subprocess.run(
        [sys.executable, "-m", "kpgeo", "doctor", "--workspace", str(tmp_path / "workspace")],
        capture_output=True,
        check=False,
        env={**os.environ, **plain},
    )
    out = process.stdout.decode("ascii")
    assert process.returncode == 3
    assert "names such as S?gu?la may break" in " ".join(out.split())
    assert "PYTHONUTF8=1" in out
    assert b"Traceback" not in process.stderr


def test_doctor_fits_a_terminal() -> None:
    finding = flows.Finding(check="catalogue one.example", state="fail", detail="why " * 40, remedy="Do this. " * 30)
    lines = list(_lines(finding, 80))
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("fail  catalogue one.example: why why")
    (mend,) = [number for number, line in enumerate(lines) if line.startswith("      -> Do this.")]
    assert all(line.startswith("      ") for line in lines[1:])
    assert all(line.startswith("         ") for line in lines[mend + 1 :])


def test_a_plan_says_what_it_takes_and_can_be_drawn(small_world: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "plan.geojson"
    args = ("--workspace", tmp_path / "workspace", "--preview", drawn, "--json")
    code, out, _ = _kpgeo("plan", small_world / "pipeline.toml", *args)
    assert code == 0
    (aoi,) = _last_json(out)["aois"]  # type: ignore[misc]
    assert f"{aoi['reads']:,} reads of a scene on a tile: about " in out  # type: ignore[index]
    assert "by rates from the benchmark machine, as nothing was run here yet" in out
    kinds = [feature["properties"]["kind"] for feature in json.loads(drawn.read_text())["features"]]
    assert kinds.count("tile") == aoi["tiles"] == 1  # type: ignore[index]
    assert kinds.count("footprint") == sum(one["found"] for one in aoi["scenes"].values())  # type: ignore[index]


def test_the_installed_command_ends_cleanly_when_its_reader_leaves() -> None:
    """Closing the pipe early, as `head` does, is no error."""
    process = subprocess.run(
        f"{sys.executable} -m kpgeo aoi list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stdout.startswith("id")
    assert "Traceback" not in process.stderr
    assert "\x1b" not in process.stdout


def test_a_site_can_be_explained(small_world: Path, watched: Path, tmp_path: Path) -> None:
    _, out, _ = _kpgeo("sites", "list", "--workspace", watched, "--json")
    sites = _last_json(out)["sites"]
    assert isinstance(sites, list)
    site = min(sites, key=lambda one: one["opened"])["id"]
    picture = tmp_path / "why.svg"
    args = (small_world / "pipeline.toml", "--workspace", watched, "--site", site, "--out", picture, "--json")
    code, out, _ = _kpgeo("explain", *args, "--language", "fr")
    assert code == 0
    assert picture.read_bytes().startswith(b"<?xml")
    content = _last_json(out)
    assert content["out"] == [str(picture)]
    (told,) = content["explanations"]  # type: ignore[misc]
    assert told["site"] == site  # type: ignore[index]
    assert told["is_as_stored"] is True  # type: ignore[index]
    assert "la croyance est égale" in out


def test_what_is_not_there_cannot_be_explained(small_world: Path, watched: Path, tmp_path: Path) -> None:
    pipeline, workspace = small_world / "pipeline.toml", ("--workspace", watched)
    for args in (("--site", "site-0"), ("--alert", "alert-0"), ("--at", "8.2,-6.5"), ("--at", "-6.5,60")):
        code, _, err = _kpgeo("explain", pipeline, *workspace, *args)
        assert code == 2
        assert "Traceback" not in err
    code, _, err = _kpgeo("explain", pipeline, "--workspace", tmp_path / "none", "--at", "-6.5,8.2")
    assert code == 2
    assert "no workspace" in err
