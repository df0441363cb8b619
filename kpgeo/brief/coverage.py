"""Section 4.1: what was looked at, month by month and by stratum."""

from kpgeo.brief.charts import coverage_strip
from kpgeo.brief.content import Block, Column, Heading, Paragraph, Picture, Table
from kpgeo.brief.draft import Draft
from kpgeo.brief.reading import WHOLE_AOI
from kpgeo.brief.words import Words
from kpgeo.model.calendar import dekad_end, dekad_start


def write_coverage(draft: Draft) -> list[Block]:
    """Section 4.1."""
    words = draft.words
    seen = sum(month.seen_frac for month in draft.months) / len(draft.months)
    optical = sum(month.optical_frac for month in draft.months) / len(draft.months)
    scenes = sum(month.scenes for month in draft.months)
    by_sensor = [
        f"{words.sensor(sensor)} {words.number(count)}" for sensor, count in sorted(draft.inputs.run.scenes.items())
    ]
    text = words.say_many("{n} scene was read.", "{n} scenes were read.", scenes)
    if by_sensor:
        text += " " + words.say("By sensor: {sensors}.", sensors=words.listed(by_sensor))
    text += " " + words.say(
        "On average over the dekads of the period, {seen} of the ground was seen by at least one sensor, {optical} by "
        "a clear optical look. Where nobody looked, nothing is said.",
        seen=words.percent(seen),
        optical=words.percent(optical),
    )
    if draft.left_out():
        text += " " + draft.left_out()
        text += " " + words.say("Shares are of the watched ground; those of a stratum are of the whole stratum.")
    blocks: list[Block] = [
        Heading(text=words.say("4.1 What was looked at"), level=2, key="coverage"),
        Paragraph(text=text),
        Picture(
            png=coverage_strip(draft.months, words, draft.options.picture_dpi),
            alt=_coverage_alt(draft),
            caption=words.say("How each month was seen: share of the ground, average of the month’s dekads"),
        ),
    ]
    rows = _stratum_coverage(draft)
    return [*blocks, _stratum_table(words, rows)] if rows else blocks


def _stratum_table(words: Words, rows: list[tuple[str, ...]]) -> Table:
    return Table(
        caption=words.say("Share of the ground seen, by stratum, average over the dekads"),
        columns=(
            Column(title=words.say("Stratum"), width=2.4),
            Column(title=words.say("Any sensor"), align="right"),
            Column(title=words.say("Clear optical look"), align="right"),
            Column(title=words.say("Dekads without a scene"), align="right"),
        ),
        rows=tuple(rows),
    )


def _coverage_alt(draft: Draft) -> str:
    """Say the strip in words: one clause a month."""
    words = draft.words
    parts = [
        words.say(
            "{month}: optical {optical}, radar only {radar}, not clear {unclear}, not acquired {unacquired}",
            month=words.month(month.year, month.month),
            optical=words.percent(month.optical_frac),
            radar=words.percent(month.radar_frac),
            unclear=words.percent(month.unclear_frac),
            unacquired=words.percent(month.unacquired_frac),
        )
        for month in draft.months
    ]
    return words.say("Stacked bars, one a month.") + " " + "; ".join(parts) + "."


def _stratum_coverage(draft: Draft) -> list[tuple[str, ...]]:
    words, inputs = draft.words, draft.inputs
    inside = [
        row
        for row in inputs.coverage
        if dekad_end(row.dekad) > inputs.start_day and dekad_start(row.dekad) < inputs.end_day
    ]
    dekads = len({row.dekad for row in inside})
    found: list[tuple[str, ...]] = []
    for stratum in [*inputs.aoi.strata, None]:
        key = stratum.id if stratum else ""
        rows = [row for row in inside if row.stratum_id == key]
        if rows and key != WHOLE_AOI:
            found.append(
                (
                    draft.stratum_name(key),
                    words.percent(sum(row.look_frac for row in rows) / dekads),
                    words.percent(sum(row.optical_frac for row in rows) / dekads),
                    words.number(dekads - sum(row.scenes > 0 for row in rows)),
                )
            )
    return found
