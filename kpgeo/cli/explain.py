"""The command that explains a site, an alert or a place."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from kpgeo import brief, flows
from kpgeo.cli.choices import AnyWorkspace, AsJson, date, language_of
from kpgeo.cli.console import progress, say, show_json
from kpgeo.cli.run import PipelineFile
from kpgeo.model.aoi import Language
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline

_ENDINGS = (*get_args(brief.PictureFormat), "json")


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(explain)


def explain(
    pipeline: PipelineFile,
    *,
    site: Annotated[str | None, typer.Option(help="A site: its pixels most surely mined.")] = None,
    alert: Annotated[str | None, typer.Option(help="An alert: the pixels of its site.")] = None,
    at: Annotated[str | None, typer.Option(help='A place, as "LON,LAT" in degrees.')] = None,
    pixels: Annotated[int, typer.Option(min=1, max=50, help="How many pixels of a site or alert.")] = 1,
    until: Annotated[str | None, typer.Option(help="Day after the last one (ISO).")] = None,
    bands: Annotated[str, typer.Option(help="Optical bands to draw: of green, red, nir, swir22.")] = ",".join(
        brief.EXPLAINED_BANDS
    ),
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    out: Annotated[Path | None, typer.Option(help="File: .png, .svg, .pdf or .json; evidence/ by default.")] = None,
    workspace: AnyWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Show why a pixel is believed to be what it is: its looks, its season, its belief, and the looks that moved it."""
    chosen = [name for name, value in (("--site", site), ("--alert", alert), ("--at", at)) if value]
    if len(chosen) != 1:
        raise BadInputError(
            f"One of --site, --alert and --at is to be given, not {' and '.join(chosen) or 'none'}.", where="explain"
        )
    suffix = _suffix(out)
    spoken = language_of(language)
    wanted = tuple(name.strip() for name in bands.split(","))
    brief.check_bands(wanted)
    subject = flows.Subject(
        site_id=site or "", alert_id=alert or "", lon_lat=flows.parse_lon_lat(at) if at else None, pixels=pixels
    )
    read = Pipeline.read(pipeline)
    with progress() as bars:
        found = flows.explain(read, subject, workspace=workspace, until=date(until, "--until"), progress=bars)
    files = flows.write_explanations(
        found,
        out or flows.evidence_file(read, workspace, found[0], suffix),
        flows.ExplanationStyle(language=spoken, bands=wanted),
    )
    for one in found:
        say(*_told(one, spoken), "")
    say(*(f"{'The explanation is' if len(files) == 1 else 'Explanation'} in {path}." for path in files))
    if as_json:
        content: dict[str, Any] = {
            "explanations": [flows.explanation_content(one) for one in found],
            "out": [str(path) for path in files],
        }
        show_json(content)


def _told(explanation: brief.Explanation, language: Language) -> list[str]:
    """Return an explanation as lines: where, what, and the looks that moved it."""
    head = f"{explanation.pixel_id}  {explanation.aoi.id}  at {explanation.lat:.5f}, {explanation.lon:.5f}"
    return [head, *brief.say_explanation(explanation, language), *brief.list_looks(explanation, language)]


def _suffix(out: Path | None) -> str:
    """Return the ending of the file to write, without its dot."""
    ending = "png" if out is None else out.suffix.lower().removeprefix(".")
    if ending not in _ENDINGS:
        raise BadInputError(
            f"{out} has no ending that says what to write.", where="--out", remedy=f"One of .{', .'.join(_ENDINGS)}."
        )
    return ending
