"""What the capacity rests on: the priors of both routes with their sources, and what drives the spread."""

from collections.abc import Sequence

from kpgeo.brief.content import Block, Column, Paragraph, Table
from kpgeo.brief.declared_tables import in_order
from kpgeo.brief.reading import area_capacity_of
from kpgeo.brief.sourced import source_in_words, stratum_in_words
from kpgeo.brief.vocabulary import FACTOR, FAMILY
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Aoi, Prior, Stratum
from kpgeo.model.production import CapacityInterval, Comparison

_AREA_FACTORS = ("worked_frac", "gravel_m", "grade_ct_per_m3", "recovery_frac")
_LABOUR_FACTORS = ("pits_per_ha", "miners_per_pit", "days_per_year", "m3_per_miner_day")
_AREAS = ("new_area", "standing_area")
_NAMED = 2


def write_priors(aois: Sequence[Aoi], words: Words) -> list[Block]:
    """Return the priors of every stratum, those of the labour route after those of the area route."""
    rows = [
        (_stratum_name(aoi, stratum, aois, words), words.say(FACTOR[name]), _prior_in_words(prior, words), source)
        for aoi in aois
        for stratum in aoi.strata
        for name, prior in _priors_of(stratum)
        for source in (source_in_words(prior.source, words),)
    ]
    if not rows:
        return [Paragraph(text=words.say("No stratum has priors; no capacity can be given."))]
    return [
        Table(
            caption=words.say("Priors of the capacity, by stratum"),
            columns=(
                Column(title=words.say("Stratum"), width=1.3),
                Column(title=words.say("Factor"), width=1.6),
                Column(title=words.say("Prior"), width=1.3),
                Column(title=words.say("Source, mark and confidence"), width=2.2),
            ),
            rows=tuple(rows),
            note=words.say(
                "Marks travel with the figures: [n] was read in a source, (B-H), (B-M) and (B-L) are background "
                "knowledge of high, medium and low confidence that no source has confirmed."
            ),
        )
    ]


def _priors_of(stratum: Stratum) -> list[tuple[str, Prior]]:
    if stratum.priors is None:
        return []
    found = [(name, getattr(stratum.priors, name)) for name in _AREA_FACTORS]
    labour = stratum.priors.labour
    return found + ([] if labour is None else [(name, getattr(labour, name)) for name in _LABOUR_FACTORS])


def _stratum_name(aoi: Aoi, stratum: Stratum, aois: Sequence[Aoi], words: Words) -> str:
    """Name a stratum, after its AOI where there are several."""
    name = stratum_in_words(stratum, words)
    return name if len(aois) == 1 else f"{words.name(aoi.name(words.language))}: {name}"


def _prior_in_words(prior: Prior, words: Words) -> str:
    low, high = words.trimmed(prior.low), words.trimmed(prior.high)
    return words.say("{family} {low} and {high}", family=words.say(FAMILY[prior.family]), low=low, high=high)


def write_spread(comparisons: Sequence[Comparison], words: Words) -> list[Block]:
    """Say which factor carries how much of the spread of the latest capacity, and what would narrow it."""
    known = [(one, capacity) for one in in_order(comparisons) if (capacity := area_capacity_of(one))]
    if not known:
        return []
    latest, capacity = known[-1]
    labour = latest.labour
    shares = {**(labour.spread_frac if labour else {}), **capacity.spread_frac}
    order = sorted(shares, key=lambda name: (-_share(name, capacity, labour), name))
    columns = [
        Column(title=words.say("Factor"), width=2.6),
        Column(title=words.say("Capacity by newly dug area"), width=1.2, align="right"),
    ]
    if labour is not None:
        columns.append(Column(title=words.say("Capacity by people at work"), width=1.2, align="right"))
    rows = []
    for name in order:
        cells = [_factor(name, words), _cell(capacity, name, words)]
        rows.append(tuple(cells if labour is None else [*cells, _cell(labour, name, words)]))
    return [
        Table(
            caption=words.say("Where the width of the interval comes from, {period}", period=latest.period.label),
            columns=tuple(columns),
            rows=tuple(rows),
            note=_what_would_narrow(capacity, words),
        )
    ]


def _share(name: str, capacity: CapacityInterval, labour: CapacityInterval | None) -> float:
    return max(capacity.spread_frac.get(name, 0.0), labour.spread_frac.get(name, 0.0) if labour else 0.0)


def _cell(interval: CapacityInterval, name: str, words: Words) -> str:
    share = interval.spread_frac.get(name)
    return "–" if share is None else words.percent(share)


def _factor(name: str, words: Words) -> str:
    return words.say(FACTOR[name]) if name in FACTOR else plain(name, 40)


def _what_would_narrow(capacity: CapacityInterval, words: Words) -> str:
    """Say what the area carries of the width, and which factors, measured on the spot, would narrow it most."""
    shares = capacity.spread_frac
    ground = sorted((name for name in shares if name not in _AREAS), key=lambda name: (-shares[name], name))[:_NAMED]
    if not ground:
        return ""
    return words.say(
        "The newly dug area carries {area} of the width. Of what can be measured on the spot, most lies in: {factors}.",
        factors=words.listed([_factor(name, words) for name in ground]),
        area=words.percent(shares.get("new_area", 0.0)),
    )
