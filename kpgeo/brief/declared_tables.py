"""Tables of declared production: what was declared, what was held against it, and what the statistics ask."""

from collections.abc import Callable, Mapping, Sequence

from kpgeo.brief.content import Block, Column, Paragraph, Table
from kpgeo.brief.reading import area_capacity_of, new_area_of, published_capacity_of
from kpgeo.brief.sourced import source_in_words
from kpgeo.brief.vocabulary import DECLARED, REASON, SECTOR, SHORT_VERDICT
from kpgeo.brief.words import NBSP, Words, noop, plain
from kpgeo.model.finding import Finding, Weight
from kpgeo.model.production import CapacityInterval, Comparison, DeclaredFigure, DeclaredKind, Sector
from kpgeo.model.site import sum_areas

Route = Callable[[Comparison], CapacityInterval | None]

_LEAST = 1e-4  # no model is surer than that
_NAMED_PERIODS = 2


def declared_table(figures: Sequence[DeclaredFigure], places: Mapping[str, str], words: Words) -> Table:
    """Return what was declared, each vintage on its own row; `places` names AOIs by id."""
    ordered = sorted(
        figures, key=lambda one: (one.period, one.aoi_id, one.sector, str(one.as_published_on or ""), one.source.source)
    )
    return Table(
        caption=words.say("Declared production"),
        columns=(
            Column(title=words.say("Period"), width=0.75),
            Column(title=words.say("Scope"), width=1.1),
            Column(title=words.say("Carats"), width=1.0, align="right"),
            Column(title="US$", width=1.0, align="right"),
            Column(title=words.say("US$ per carat"), width=0.7, align="right"),
            Column(title=words.say("Vintage"), width=0.95),
            Column(title=words.say("Source, mark and confidence"), width=2.2),
        ),
        rows=tuple(_declared_row(figure, places, words) for figure in ordered),
    )


def _declared_row(figure: DeclaredFigure, places: Mapping[str, str], words: Words) -> tuple[str, ...]:
    value = "–" if figure.value_usd is None else words.number(figure.value_usd)
    price = "–"
    if figure.value_usd is not None and figure.carats:
        price = words.number(figure.value_usd / figure.carats)
    scope = words.country(figure.iso3, figure.participant)
    if figure.aoi_id:
        scope = places.get(figure.aoi_id) or words.name(figure.aoi_id)
    if figure.sector is not Sector.ALL:
        scope = words.listed([scope, words.say(SECTOR[figure.sector])])
    published = figure.as_published_on
    return (
        words.name(figure.period.label),
        scope,
        declared_in_words(figure, words),
        value,
        price,
        words.short_date_of(published) if published else words.say("unknown"),
        source_in_words(figure.source, words),
    )


def declared_in_words(figure: DeclaredFigure | None, words: Words) -> str:
    """Write the carats of a figure; "no production" and missing in words."""
    if figure is None or figure.carats is None:
        return words.say(DECLARED[figure.kind if figure else DeclaredKind.MISSING])
    return words.number(figure.carats)


def interval_in_words(interval: CapacityInterval | None, words: Words) -> str:
    """Write a capacity as its median and its ends."""
    if interval is None:
        return "–"
    span = words.between(words.rounded(interval.low_ct), words.rounded(interval.high_ct))
    return f"{words.rounded(interval.median_ct)} ({span})"


def odds_in_words(prob: float | None, words: Words) -> str:
    """Write a probability of a model, which is never 0 or 1."""
    return "–" if prob is None else words.percent(min(max(prob, _LEAST), 1.0 - _LEAST))


def comparison_table(comparisons: Sequence[Comparison], words: Words) -> Table:
    """Return what was declared, seen and possible, period by period, both routes side by side.

    A published capacity has a column of its own, which is there only where one was used.
    """
    routes = _routes_of(comparisons)
    return Table(
        caption=words.say("Declared figures held against activity and capacity"),
        columns=(
            Column(title=words.say("Period"), width=0.75),
            Column(title=words.say("Newly dug, ha"), width=1.1, align="right"),
            Column(title=words.say("Seen"), width=0.6, align="right"),
            Column(title=words.say("Declared, ct"), width=0.95, align="right"),
            *(Column(title=words.say(title), width=1.65, align="right") for title, _ in routes),
            Column(title=words.say("Capacity below declared"), width=0.9, align="right"),
            Column(title=words.say("Reading"), width=1.5),
        ),
        rows=tuple(_comparison_row(one, routes, words) for one in in_order(comparisons)),
        note=words.say(
            "Capacity: median (5–95 %). “Seen”: of ground and time. “Capacity below declared”: the probability, under "
            "the priors, that what was dug could not have yielded the declared figure; by both routes where there are "
            "two."
        ),
    )


def in_order(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons in order of time."""
    return sorted(comparisons, key=lambda one: (one.period, one.participant, one.id))


def _routes_of(comparisons: Sequence[Comparison]) -> list[tuple[str, Route]]:
    """Return the capacities to show, each with its heading: both routes, unless only published ones are known."""
    is_published = any(published_capacity_of(one) for one in comparisons)
    is_drawn = any(area_capacity_of(one) for one in comparisons)
    routes: list[tuple[str, Route]] = []
    if is_drawn or not is_published:
        routes.append((noop("Capacity by newly dug area, ct"), area_capacity_of))
        routes.append((noop("Capacity by people at work, ct"), lambda one: one.labour))
    if is_published:
        routes.append((noop("Published capacity, ct"), published_capacity_of))
    return routes


def _comparison_row(one: Comparison, routes: Sequence[tuple[str, Route]], words: Words) -> tuple[str, ...]:
    area = new_area_of(one)
    declared = declared_in_words(one.declared, words)
    if one.declared is not None and one.declared.period != one.period:
        declared = f"{declared} ({words.name(one.declared.period.label)})"
    return (
        words.name(one.period.label),
        words.span(area) if area else "–",
        words.percent(one.coverage_frac),
        declared,
        *(interval_in_words(route(one), words) for _, route in routes),
        odds_in_words(one.prob_above_capacity, words),
        _reading(one, words),
    )


def _reading(one: Comparison, words: Words) -> str:
    """Say the verdict, and why there is none."""
    verdict = words.say(SHORT_VERDICT[one.verdict])
    if not one.reasons:
        return verdict
    reasons = words.listed([words.say(REASON[reason]) for reason in one.reasons])
    return words.say("{verdict}: {reasons}", verdict=verdict, reasons=reasons)


def write_kept_apart(comparisons: Sequence[Comparison], words: Words) -> list[Block]:
    """Say what was dug outside every stratum: it is mining, and nobody knows of what."""
    rows = []
    for one in in_order(comparisons):
        outside = [activity for activity in one.activities if not activity.stratum_id]
        if len(outside) == len(one.activities):
            continue
        area = sum_areas([activity.new_area for activity in outside])
        if area.ha > 0.0:
            sites = sum(activity.sites for activity in outside)
            carats = interval_in_words(one.outside, words)
            rows.append((words.name(one.period.label), words.span(area), words.number(sites), carats))
    if not rows:
        return []
    return [
        Table(
            caption=words.say("Kept apart: dug outside every stratum"),
            columns=(
                Column(title=words.say("Period"), width=1.0),
                Column(title=words.say("Newly dug, ha"), width=1.5, align="right"),
                Column(title=words.say("Active sites"), width=1.0, align="right"),
                Column(title=words.say("Were it all diamond ground, ct"), width=1.8, align="right"),
            ),
            rows=tuple(rows),
            note=words.say(
                "What is mined there is not known, and it may be gold. It is in no other number here; it can only keep "
                "a figure from being called not explained."
            ),
        )
    ]


def write_findings(findings: Sequence[Finding], limit: int, words: Words) -> list[Block]:
    """Return what the statistical checks ask, the latest first, or say that they ask nothing."""
    asked = [one for one in findings if one.weight is Weight.QUESTION]
    asked.sort(key=lambda one: (one.periods[-1], one.rule, one.id), reverse=True)
    notes = len(findings) - len(asked)
    blocks: list[Block] = []
    if asked[:limit]:
        blocks.append(_findings_table(asked[:limit], words))
    elif not asked:
        blocks.append(Paragraph(text=words.say("The statistical checks ask nothing of the figures known.")))
    left = len(asked) - len(asked[:limit]) + notes
    if left:
        text = words.say_many(
            "{n} further finding is listed by `kpgeo declare check`.",
            "{n} further findings are listed by `kpgeo declare check`.",
            left,
        )
        blocks.append(Paragraph(text=text, is_note=True))
    return blocks


def _findings_table(findings: Sequence[Finding], words: Words) -> Table:
    return Table(
        caption=words.say("What the statistical checks ask"),
        columns=(
            Column(title=words.say("Period"), width=0.9),
            Column(title=words.say("What was found"), width=2.4),
            Column(title=words.say("Question to the participant"), width=1.9),
        ),
        rows=tuple(
            (
                _periods_in_words(one.periods, words),
                plain(one.sentences.get(words.language, "")),
                plain(one.questions.get(words.language, "")),
            )
            for one in findings
        ),
        note=words.say("A finding is a question, not a judgement; most have an innocent answer."),
    )


def _periods_in_words(periods: Sequence[str], words: Words) -> str:
    named = [words.name(label) for label in periods]
    if len(named) > _NAMED_PERIODS:
        return f"{named[0]}{NBSP}– {named[-1]}"
    return words.listed(named)
