"""Section 5: activity beside declared figures, the capacity by both routes, and the priors it rests on."""

from collections.abc import Sequence

from kpgeo.brief.content import Block, Bullets, Heading, Paragraph, Picture
from kpgeo.brief.declared_chart import PeriodRow, declared_chart, period_rows
from kpgeo.brief.declared_tables import comparison_table, declared_in_words, in_order, write_kept_apart
from kpgeo.brief.draft import Draft
from kpgeo.brief.priors import write_priors, write_spread
from kpgeo.brief.vocabulary import REASON, VERDICT
from kpgeo.brief.words import NBSP, Words, plain
from kpgeo.model.production import CapacityInterval, Comparison, Verdict

_QUIET = (Verdict.CONSISTENT, Verdict.NOT_ASSESSABLE)


def write_capacity(draft: Draft) -> list[Block]:
    """Section 5."""
    words, inputs = draft.words, draft.inputs
    blocks: list[Block] = [
        Heading(text=words.say("5. Capacity reading"), key="capacity"),
        Paragraph(text=how_capacity_is_read(words)),
    ]
    rows = period_rows(inputs.comparisons, inputs.totals)
    if rows:
        blocks.append(declared_picture(rows, words, draft.options.picture_dpi))
    blocks += write_comparisons(inputs.comparisons, words)
    blocks.append(Heading(text=words.say("5.1 The priors"), level=2, key="priors"))
    blocks += write_spread(inputs.comparisons, words)
    blocks += write_priors([inputs.aoi], words)
    blocks.append(Heading(text=words.say("5.2 What it does not show"), level=2, key="not-shown"))
    blocks.append(what_is_not_shown(words))
    return blocks


def write_comparisons(comparisons: Sequence[Comparison], words: Words) -> list[Block]:
    """Return what was held against what, period by period, and what was kept apart from it."""
    if not comparisons:
        return [Paragraph(text=words.say("No comparison of declared figures with activity was made."))]
    table = comparison_table(comparisons, words)
    return [table, *write_kept_apart(comparisons, words), *_sentences_of(comparisons, words)]


def how_capacity_is_read(words: Words) -> str:
    """Say what comes first, and by which two routes carats are reckoned."""
    said = words.say(
        "Activity comes first: hectares newly dug. Carats come only as an interval, by two routes, sampled from the "
        "priors printed below. By newly dug area: C = A × f × T × G × r. By people at work, where their priors are "
        "known: P = S × n × m × D × v × G over the period."
    )
    return said.replace(" × ", f"{NBSP}×{NBSP}").replace(" = ", f"{NBSP}={NBSP}")


def declared_picture(rows: Sequence[PeriodRow], words: Words, dpi: int) -> Picture:
    """Return the figure of activity and declared carats, with the words that stand for it."""
    return Picture(
        png=declared_chart(rows, words, dpi),
        alt=" ".join(_row_in_words(row, words) for row in rows),
        caption=words.say(
            "Above: newly dug area; hatched where nothing, or too little, was seen. Below: declared carats (bars) "
            "beside the capacity (lines, mark at the median). A bar with a break is higher than it is drawn."
        ),
    )


def _row_in_words(row: PeriodRow, words: Words) -> str:
    """Say one period of the figure in words."""
    parts = [
        words.say("newly dug {area}", area=words.span_in_words(row.new_area))
        if row.new_area
        else words.say("activity not measured")
    ]
    if row.declared is not None and row.declared.carats is not None:
        parts.append(words.say("declared {carats} ct", carats=words.number(row.declared.carats)))
    else:
        parts.append(declared_in_words(row.declared, words))
    if row.capacity:
        parts.append(words.say("capacity {interval} ct", interval=_ends(row.capacity, words)))
    if row.published:
        parts.append(words.say("published capacity {interval} ct", interval=_ends(row.published, words)))
    if row.labour:
        parts.append(words.say("capacity by people at work {interval} ct", interval=_ends(row.labour, words)))
    return words.say("{period}: {said}", period=words.name(row.period.label), said=words.listed(parts) + ".")


def _ends(interval: CapacityInterval, words: Words) -> str:
    return words.between(words.rounded(interval.low_ct), words.rounded(interval.high_ct))


def _sentences_of(comparisons: Sequence[Comparison], words: Words) -> list[Block]:
    """Return the comparisons that ask for a reason, and the latest, in their own sentences.

    What all comparisons say is said once, first. The others stand in the table.
    """
    ordered = in_order(comparisons)
    spoken = {one.id: one.sentences.get(words.language, ()) for one in ordered}
    first = spoken[ordered[0].id]
    shared = [line for line in first if len(ordered) > 1 and all(line in others for others in spoken.values())]
    blocks: list[Block] = [Paragraph(text=" ".join(plain(line) for line in shared))] if shared else []
    told = [one for one in ordered if one.verdict not in _QUIET or one is ordered[-1]]
    items = [_said(one, [line for line in spoken[one.id] if line not in shared], words) for one in told]
    return [*blocks, Bullets(items=tuple(items))]


def _said(one: Comparison, own: Sequence[str], words: Words) -> str:
    """Return the comparison's own sentences in the language, or its verdict in words."""
    period = words.name(one.period.label)
    if own:
        said = " ".join(plain(sentence) for sentence in own)
        return said if period in own[0] else words.say("{period}: {said}", period=period, said=said)
    said = words.say(VERDICT[one.verdict])
    if one.reasons:
        reasons = words.listed([words.say(REASON[reason]) for reason in one.reasons])
        said += " " + words.say("Reason: {reasons}.", reasons=reasons)
    return words.say("{period}: {said}", period=period, said=said)


def what_is_not_shown(words: Words) -> Bullets:
    """Say what a capacity interval does not show."""
    return Bullets(
        items=(
            words.say("It is a range of what could have been dug out, not a measurement of what was."),
            words.say(
                "A declared figure inside the interval is not thereby confirmed; one outside it asks for a reason."
            ),
            words.say("Stocks, stones carried in from elsewhere, and tailings washed again leave no new ground."),
            words.say("Digging and washing fall in different months; a half-year may hold one without the other."),
            words.say("Without knowing the commodity of each site, the area is mining, not diamond mining."),
        )
    )
