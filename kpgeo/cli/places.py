"""Commands about areas of interest."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from kpgeo import registry
from kpgeo.cli.choices import AsJson
from kpgeo.cli.console import note, say, show_json, show_table, stop
from kpgeo.flows import left_out_content, left_out_sentences
from kpgeo.model.aoi import Aoi
from kpgeo.model.calendar import date_of
from kpgeo.model.geometry import area_ha


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    aoi = typer.Typer(no_args_is_help=True, help="Areas of interest.")
    aoi.command("list")(aoi_list)
    aoi.command("check")(aoi_check)
    aoi.command("show")(aoi_show)
    app.add_typer(aoi, name="aoi")


def aoi_list(as_json: AsJson = False) -> None:
    """List the areas of interest that come with kpgeo."""
    aois = registry.list_aois()
    show_table(
        ("id", "name", "country", "participant", "km2", "epsg", "strata", "confidence"),
        (
            (
                aoi.id,
                aoi.name(),
                aoi.country,
                aoi.participant,
                f"{area_ha(aoi.geometry) / 100.0:,.0f}",
                aoi.epsg,
                len(aoi.strata),
                aoi.source.confidence,
            )
            for aoi in aois
        ),
        empty="There is none.",
    )
    if as_json:
        show_json({"aois": [_content(aoi) for aoi in aois]})


def aoi_check(
    path: Annotated[Path, typer.Argument(help="An AOI file (GeoJSON).", show_default=False)], as_json: AsJson = False
) -> None:
    """Check an AOI file against every rule, and name those it breaks."""
    broken = registry.check_aoi(path)
    for error in broken:
        note(error)
    if not broken:
        say(f"{path}: every rule is kept.")
    if as_json:
        found = [{"rule": error.rule, "where": error.where, "what": error.what} for error in broken]
        show_json({"path": str(path), "is_valid": not broken, "broken": found})
    if broken:
        stop(2)


def aoi_show(
    aoi_id: Annotated[str, typer.Argument(metavar="ID", help="An AOI's id, or the path of its file.")],
    as_json: AsJson = False,
) -> None:
    """Show one area of interest, with where each fact comes from."""
    aoi = registry.read_aoi(aoi_id)
    grid = registry.grid_of(aoi)
    say(
        f"{aoi.id}: {aoi.name()} / {aoi.name('fr')} / {aoi.name('pt')}",
        f"{aoi.country} ({aoi.iso3}), participant {aoi.participant}; {aoi.sensitivity}",
        f"Deposit: {aoi.deposit}",
        f"Area: {area_ha(aoi.geometry) / 100.0:,.1f} km2; grid EPSG:{aoi.epsg}, {grid.width} x {grid.height} px, "
        f"{sum(1 for _ in grid.tiles())} tiles",
        f"Layers: {_layers(aoi)}",
        *left_out_sentences([(aoi.id, registry.measure_left_out(aoi, grid))]),
        f"Boundary from: {aoi.source.source} {aoi.source.mark} (confidence {aoi.source.confidence})",
        *([f"Notes: {aoi.notes}"] if aoi.notes else []),
        "",
    )
    show_table(
        ("stratum", "type", "km2", "priors", "source"),
        (
            (
                stratum.id,
                stratum.deposit_type,
                f"{area_ha(stratum.geometry) / 100.0:.1f}",
                "yes" if stratum.priors else "no",
                f"{stratum.source.source} {stratum.source.mark}",
            )
            for stratum in aoi.strata
        ),
        empty="No stratum is drawn: activity is reported for the whole, capacity cannot be.",
    )
    for regime in aoi.regimes:
        end = "open" if regime.end_day is None else date_of(regime.end_day).isoformat()
        say(f"{regime.kind}: {date_of(regime.start_day)} to {end}. {regime.note.get('en', '')}")
    if as_json:
        left_out = left_out_content(registry.measure_left_out(aoi, grid))
        show_json({"aoi": {**_content(aoi), "left_out": left_out}})


def _layers(aoi: Aoi) -> str:
    """Say which layers an AOI names, how many features of one source, and where each comes from."""
    named = Counter((layer.kind, f"{layer.source.source} {layer.source.mark}".strip()) for layer in aoi.layers)
    permits = sum(len(layer.permits) for layer in aoi.layers)
    told = [f"{kind}{f' x {n}' if n > 1 else ''} ({source})" for (kind, source), n in named.items()]
    return "; ".join([*told, *([f"{permits} recorded permits in all"] if permits else [])]) or "none"


def _content(aoi: Aoi) -> dict[str, object]:
    """Return an AOI as plain JSON, without its outline."""
    return {
        "id": aoi.id,
        "names": aoi.names,
        "iso3": aoi.iso3,
        "country": aoi.country,
        "participant": aoi.participant,
        "deposit": aoi.deposit,
        "epsg": aoi.epsg,
        "area_km2": round(area_ha(aoi.geometry) / 100.0, 3),
        "bbox_4326": list(aoi.geometry.bounds),
        "strata": [stratum.id for stratum in aoi.strata],
        "layers": [str(layer.kind) for layer in aoi.layers],
        "confidence": aoi.source.confidence,
        "sensitivity": aoi.sensitivity,
        "version": aoi.version,
    }
