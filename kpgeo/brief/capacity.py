"""Section 5: activity beside declared figures, the capacity interval, and the priors it rests on."""

from kpgeo.brief.charts import PeriodRow, activity_chart, period_rows
from kpgeo.brief.content import Block, Bullets, Column, Heading, Paragraph, Picture, Table
from kpgeo.brief.draft import Draft
from kpgeo.brief.reading import new_area_of
from kpgeo.brief.vocabulary import DECLARED, FACTOR, FAMILY, REASON, SHORT_VERDICT, VERDICT
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Prior
from kpgeo.model.production import CapacityInterval, Comparison, DeclaredKind


def write_capacity(draft: Draft) -> list[Block]:
    """Section 5."""
    words = draft.words
    blocks: list[Block] = [
        Heading(text=words.say("5. Capacity reading"), key="capacity"),
        Paragraph(
            text=words.say(
                "Activity comes first: hectares newly dug, and their trend beside the declared figures. Carats are "
                "given only as an interval: C = A × f × T × G × r, the newly dug area, the share of it where gravel "
                "was taken, the thickness of the gravel, the grade and the recovery, sampled from the priors printed "
                "below."
            )
        ),
    ]
    rows = period_rows(draft.inputs.comparisons, draft.inputs.declared)
    if rows:
        blocks.append(
            Picture(
                png=activity_chart(rows, words, draft.options.picture_dpi),
                alt=" ".join(_row_in_words(draft, row) for row in rows),
                caption=words.say("Activity seen (above) and declared carats with the capacity interval (below)"),
            )
        )
    blocks += _write_comparisons(draft)
    blocks += _write_priors(draft)
    blocks += _write_limits(draft)
    return blocks


def _row_in_words(draft: Draft, row: PeriodRow) -> str:
    """Say one period of the chart in words."""
    words = draft.words
    parts = [
        words.say("newly dug {area}", area=draft.area_in_words(row.new_area))
        if row.new_area
        else words.say("activity not measured")
    ]
    if row.declared is not None and row.declared.kind is DeclaredKind.FIGURE:
        parts.append(words.say("declared {carats} ct", carats=words.number(row.declared.carats or 0.0)))
    else:
        parts.append(words.say(DECLARED[row.declared.kind if row.declared else DeclaredKind.MISSING]))
    if row.capacity:
        interval = words.between(words.rounded(row.capacity.low_ct), words.rounded(row.capacity.high_ct))
        parts.append(words.say("capacity {interval} ct", interval=interval))
    return words.say("{period}: {said}", period=words.name(row.period.label), said=words.listed(parts) + ".")


def _write_comparisons(draft: Draft) -> list[Block]:
    words = draft.words
    comparisons = sorted(draft.inputs.comparisons, key=lambda one: (one.period, one.participant, one.id))
    if not comparisons:
        return [Paragraph(text=words.say("No comparison of declared figures with activity was made."))]
    table = Table(
        caption=words.say("Declared figures held against capacity"),
        columns=(
            Column(title=words.say("Period"), width=0.75),
            Column(title=words.say("Newly dug, ha"), width=1.35, align="right"),
            Column(title=words.say("Declared, ct"), width=1.1, align="right"),
            Column(title=words.say("Capacity, ct: median (5–95 %)"), width=1.5, align="right"),
            Column(title=words.say("Capacity below declared"), width=1.0, align="right"),
            Column(title=words.say("Reading"), width=1.4),
        ),
        rows=tuple(_comparison_row(draft, comparison) for comparison in comparisons),
        note=words.say(
            "“Capacity below declared” is the probability, under the priors, that the new area could not have yielded "
            "the declared figure."
        ),
    )
    sentences = [_sentences(draft, comparison) for comparison in comparisons]
    return [table, Bullets(items=tuple(sentences))]


def _comparison_row(draft: Draft, comparison: Comparison) -> tuple[str, ...]:
    words = draft.words
    area, capacity, declared = new_area_of(comparison), comparison.capacity, comparison.declared
    carats = words.say(DECLARED[declared.kind if declared else DeclaredKind.MISSING])
    if declared is not None and declared.carats is not None:
        carats = words.number(declared.carats)
    above = comparison.prob_above_capacity
    return (
        words.name(comparison.period.label),
        draft.area(area) if area else "–",
        carats,
        interval_in_words(capacity, words),
        "–" if above is None else words.percent(above),
        words.say(SHORT_VERDICT[comparison.verdict]),
    )


def interval_in_words(interval: CapacityInterval | None, words: Words) -> str:
    """Write a capacity as its median and its ends."""
    if interval is None:
        return "–"
    span = words.between(words.rounded(interval.low_ct), words.rounded(interval.high_ct))
    return f"{words.rounded(interval.median_ct)} ({span})"


def _sentences(draft: Draft, comparison: Comparison) -> str:
    """Return the comparison's own sentences in the brief's language, or its verdict in words."""
    words = draft.words
    own = comparison.sentences.get(words.language)
    said = " ".join(plain(sentence) for sentence in own) if own else words.say(VERDICT[comparison.verdict])
    if comparison.reasons and not own:
        reasons = words.listed([words.say(REASON[reason]) for reason in comparison.reasons])
        said += " " + words.say("Reason: {reasons}.", reasons=reasons)
    return said if own else words.say("{period}: {said}", period=words.name(comparison.period.label), said=said)


def _write_priors(draft: Draft) -> list[Block]:
    words = draft.words
    blocks: list[Block] = [Heading(text=words.say("5.1 The priors"), level=2, key="priors")]
    rows = []
    for stratum in draft.inputs.aoi.strata:
        if stratum.priors is not None:
            for name in ("worked_frac", "gravel_m", "grade_ct_per_m3", "recovery_frac"):
                prior = getattr(stratum.priors, name)
                rows.append(
                    (
                        draft.stratum_name(stratum.id),
                        words.say(FACTOR[name]),
                        _prior_text(draft, prior),
                        draft.source(prior.source),
                    )
                )
    if not rows:
        return [*blocks, Paragraph(text=words.say("No stratum has priors; no capacity can be given."))]
    blocks.append(
        Table(
            caption=words.say("Priors of the capacity interval, by stratum"),
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
    )
    spread = _spread_text(draft)
    return [*blocks, Paragraph(text=spread)] if spread else blocks


def _prior_text(draft: Draft, prior: Prior) -> str:
    words = draft.words
    low, high = words.trimmed(prior.low), words.trimmed(prior.high)
    return words.say("{family} {low} and {high}", family=words.say(FAMILY[prior.family]), low=low, high=high)


def _spread_text(draft: Draft) -> str:
    """Say which factor carries how much of the spread, for the latest capacity interval."""
    words = draft.words
    known = sorted((one for one in draft.inputs.comparisons if one.capacity), key=lambda one: (one.period, one.id))
    if not known or known[-1].capacity is None:
        return ""
    shares = sorted(known[-1].capacity.spread_frac.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [
        f"{words.say(FACTOR[key]) if key in FACTOR else plain(key)} {words.percent(share)}" for key, share in shares
    ]
    return words.say(
        "Where the width of the interval comes from ({period}): {shares}. Better outlines would hardly narrow it; "
        "gravel thickness and grade measured on the spot would.",
        period=words.name(known[-1].period.label),
        shares="; ".join(parts),
    )


def _write_limits(draft: Draft) -> list[Block]:
    words = draft.words
    return [
        Heading(text=words.say("5.2 What it does not show"), level=2, key="not-shown"),
        Bullets(
            items=(
                words.say("It is a range of what could have been dug out, not a measurement of what was."),
                words.say(
                    "A declared figure inside the interval is not thereby confirmed; one outside it asks for a reason."
                ),
                words.say("Stocks, stones carried in from elsewhere, and tailings washed again leave no new ground."),
                words.say("Digging and washing fall in different months; a half-year may hold one without the other."),
                words.say("Without knowing the commodity of each site, the area is mining, not diamond mining."),
            )
        ),
    ]
