"""The declared figures kpgeo ships: a small table of published facts, each with its source, vintage and rounding."""

import csv
import datetime as dt
from importlib.resources import files
from typing import cast

from kpgeo.model.aoi import Confidence, Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.production import DeclaredFigure, DeclaredKind

_ROUNDED = "; rounded to"


def published_figures() -> tuple[DeclaredFigure, ...]:
    """Return the shipped figures: yearly carats of twelve participants, in order of participant code, year and vintage.

    A year without a row in the statistics is `MISSING`, never zero. A figure that was published as something else at
    the time is there twice: the older one without a vintage, because its day of publication is not known. Rounding is
    written into the source (`rounded to 10000 ct`).
    """
    text = files("kpgeo.production").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(_figure_of(row) for row in csv.DictReader(text.splitlines()))


def is_rounded(figure: DeclaredFigure) -> bool:
    """Say whether a figure is one that kpgeo ships rounded."""
    return figure.entered_by == "kpgeo" and _ROUNDED in figure.source.source


def _figure_of(row: dict[str, str]) -> DeclaredFigure:
    rounding = int(row["rounded_to_ct"] or 0)
    note = f"{_ROUNDED} {rounding} ct" if rounding > 1 else ""
    return DeclaredFigure(
        participant=row["participant"],
        iso3=row["iso3"],
        period=Period.parse(row["period"]),
        kind=DeclaredKind(row["kind"]),
        carats=float(row["carats"]) if row["carats"] else None,
        value_usd=float(row["value_usd"]) if row["value_usd"] else None,
        as_published_on=dt.date.fromisoformat(row["as_published_on"]) if row["as_published_on"] else None,
        source=Sourced(source=row["source"] + note, confidence=cast("Confidence", row["confidence"]), mark=row["mark"]),
        entered_by="kpgeo",
    )
