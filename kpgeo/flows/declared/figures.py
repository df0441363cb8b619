"""Declared figures of a workspace: those that come with kpgeo, those that were entered, and what is asked of them."""

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpgeo import production
from kpgeo.flows.declared.imports import findings_of, read_imports
from kpgeo.model.calendar import Period, day_of
from kpgeo.model.finding import Finding, Weight
from kpgeo.model.production import Comparison, DeclaredFigure, TradeFigure
from kpgeo.options.checks import CheckOptions
from kpgeo.store import Workspace, has_tables

_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class KnownFigures:
    """Every vintage of what is known to have been declared."""

    production: tuple[DeclaredFigure, ...]
    trade: tuple[TradeFigure, ...]


def known_figures(workspace: Path) -> KnownFigures:
    """Return the figures that come with kpgeo and those entered into a workspace, if there is one."""
    figures, trades = [*production.published_figures()], []
    if has_tables(workspace):
        tables = Workspace(workspace).tables()
        figures += tables.declared()
        trades += tables.trade()
        tables.close()
    return KnownFigures(production=tuple(figures), trade=tuple(trades))


def check_figures(workspace: Path) -> list[Finding]:
    """Return what an analyst of the statistics would ask about all figures known, by participant and period.

    What only the rows of an imported table could tell was kept when it was imported, and is among it.
    """
    known, options = known_figures(workspace), CheckOptions()
    found = production.check_production(known.production, options)
    found += production.check_trade(known.production, known.trade, options)
    found += findings_of(read_imports(workspace))
    return sorted(found, key=lambda one: (one.iso3, one.periods[0], one.rule, one.id))


def questions_about(workspace: Path, rows: Sequence[Comparison]) -> list[Finding]:
    """Return what would be asked about the figures of the participants and periods that were compared."""
    periods: dict[str, list[Period]] = defaultdict(list)
    for row in rows:
        periods[row.participant].append(row.period)
    return [
        one
        for one in check_figures(workspace)
        if one.weight is Weight.QUESTION and any(_touches(one, period) for period in periods[one.participant])
    ]


def _touches(finding: Finding, period: Period) -> bool:
    begin = min(Period.parse(label).start_day for label in finding.periods)
    end = max(Period.parse(label).end_day for label in finding.periods)
    return begin < period.end_day and period.start_day < end


def code_of(participant: str, figures: Iterable[DeclaredFigure] = ()) -> str:
    """Return the code of whom a text stands for: as the figures spell it, or in any spelling kpgeo knows.

    Raises
    ------
    BadInputError
        Nobody is called so.
    """
    for figure in figures:
        if participant in (figure.participant, figure.iso3):
            return figure.iso3
    return production.find_participant(participant, day_of(dt.datetime.now(dt.UTC)), "--participant").iso3


def is_kpgeo_table(path: Path) -> bool:
    """Say whether a file is a CSV in kpgeo's own columns, which needs nothing said of it."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return True  # the reader says why
    first = head.decode("utf-8-sig", errors="replace").splitlines()[:1]
    names = {cell.strip() for row in csv.reader(first) for cell in row}
    return {"participant", "iso3", "kind", "carats"} <= names or not path.is_file()
