"""What the statistics hold of one participant: every figure, the one that counts for each period, what is asked."""

from dataclasses import dataclass
from pathlib import Path

from kpgeo import production
from kpgeo.flows.declared.figures import check_figures, known_figures
from kpgeo.model.finding import Finding
from kpgeo.model.production import DeclaredFigure


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of one participant.

    Attributes
    ----------
    declared : tuple of DeclaredFigure
        Every vintage known.
    totals : tuple of DeclaredFigure
        Of each period and AOI, the newest, all ways of mining together.
    """

    declared: tuple[DeclaredFigure, ...]
    totals: tuple[DeclaredFigure, ...]
    findings: tuple[Finding, ...]


def statistics_of(workspace: Path, iso3: str) -> Statistics:
    """Return what a workspace and kpgeo itself know of a participant's figures."""
    declared = tuple(figure for figure in known_figures(workspace).production if figure.iso3 == iso3)
    places = sorted({(figure.period, figure.aoi_id) for figure in declared})
    found = [production.sum_to_period(declared, period, iso3=iso3, aoi_id=aoi_id) for period, aoi_id in places]
    return Statistics(
        declared=declared,
        totals=tuple(figure for figure in found if figure is not None),
        findings=tuple(one for one in check_figures(workspace) if one.iso3 == iso3),
    )
