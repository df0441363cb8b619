"""Section 4.5: each site month by month, and what a month that nobody saw is worth."""

from kpgeo.brief.content import Block, Column, Heading, Paragraph, Table
from kpgeo.brief.draft import Draft
from kpgeo.brief.reading import SiteReading
from kpgeo.brief.vocabulary import SITE_ACTIVITY
from kpgeo.model.calendar import month_of
from kpgeo.model.site import Area, SiteActivity, SiteMonth


def write_growth(draft: Draft) -> list[Block]:
    """Section 4.5."""
    words, run = draft.words, draft.inputs.run
    shown = [reading for reading in draft.sites[: draft.options.max_sites_with_chips] if _months(draft, reading)]
    if not shown:
        return []
    text = words.say(
        "Areas are sums of mined shares of pixels, in hectares with 90 % interval. Newly disturbed ground is counted "
        "in the month it is dated to; recent months are measured again with every look. Where nobody could see, "
        "nothing is filled in: “not seen” is not “quiet”."
    )
    if run.min_site_ha is not None:
        text += " " + words.say(
            "A site is kept from {area} on; smaller workings, and growth too small to map, are not in these tables.",
            area=words.area(run.min_site_ha),
        )
    return [
        Heading(text=words.say("4.5 Month by month"), level=2, key="growth"),
        Paragraph(text=text),
        *(_month_table(draft, reading) for reading in shown),
    ]


def _months(draft: Draft, reading: SiteReading) -> list[SiteMonth]:
    """Return the months of a site that lie in the brief's period."""
    first, last = month_of(draft.inputs.start_day), month_of(draft.inputs.end_day - 1)
    return [month for month in reading.months if first <= month.month <= last]


def _month_table(draft: Draft, reading: SiteReading) -> Table:
    words = draft.words
    return Table(
        caption=words.say("Site {number}, month by month", number=reading.number),
        columns=(
            Column(title=words.say("Month"), width=1.1),
            Column(title=words.say("What it did"), width=1.1),
            Column(title=words.say("Mined at month’s end, ha"), width=1.4, align="right"),
            Column(title=words.say("Newly disturbed, ha"), width=1.4, align="right"),
            Column(title=words.say("Dekads looked at"), width=0.9, align="right"),
            Column(title=words.say("Clear looks"), width=0.7, align="right"),
        ),
        rows=tuple(_row(draft, month) for month in _months(draft, reading)),
    )


def _row(draft: Draft, month: SiteMonth) -> tuple[str, ...]:
    words = draft.words
    is_known = month.activity is not SiteActivity.NOT_YET_KNOWN
    return (
        words.month(1970 + month.month // 12, month.month % 12 + 1),
        words.say(SITE_ACTIVITY[month.activity]),
        _area(draft, month.mined),
        _area(draft, month.new),
        words.say("{looked} of {dekads}", looked=month.looked_dekads, dekads=month.dekads) if is_known else "–",
        words.number(month.looks, 1) if is_known else "–",
    )


def _area(draft: Draft, area: Area | None) -> str:
    return "–" if area is None else draft.area(area)
