"""Sections 7 and 8: what was not seen; caveats, vintages and the facts of the run."""

from kpgeo.brief.content import Block, Bullets, Column, Heading, Notice, Paragraph, Table
from kpgeo.brief.draft import Draft
from kpgeo.brief.itinerary import itinerary_of
from kpgeo.brief.reading import GapGroup, group_gaps
from kpgeo.brief.vocabulary import GAP
from kpgeo.brief.words import Words, plain


def write_unseen(draft: Draft) -> list[Block]:
    """Section 7."""
    words, options = draft.words, draft.options
    blocks: list[Block] = [
        Heading(text=words.say("7. What was not seen"), key="unseen"),
        Paragraph(text=words.say("Silence is never “all quiet”. Where kpgeo could not look, it says so here.")),
    ]
    items = _unseen_items(draft)
    if items:
        blocks.append(Bullets(items=tuple(items)))
    groups = group_gaps(draft.inputs.gaps, draft.inputs.start_day, draft.inputs.end_day)
    if groups and options.max_gaps_listed:
        blocks.append(_gap_table(draft, groups[: options.max_gaps_listed]))
        left = len(groups) - options.max_gaps_listed
        if left > 0:
            blocks.append(
                Paragraph(
                    text=words.say_many(
                        "{n} further reason is not listed.", "{n} further reasons are not listed.", left
                    ),
                    is_note=True,
                )
            )
    elif not groups:
        blocks.append(Paragraph(text=words.say("The tables hold no gap for the period.")))
    return blocks


def _unseen_items(draft: Draft) -> list[str]:
    words = draft.words
    items = [draft.left_out()] if draft.left_out() else []
    little = [month for month in draft.months if month.seen_frac < draft.options.low_coverage_frac]
    if little:
        named = [f"{words.month(month.year, month.month)} ({words.percent(month.seen_frac)})" for month in little]
        items.append(
            words.say(
                "Months in which less than {share} of the ground was seen: {months}.",
                share=words.percent(draft.options.low_coverage_frac),
                months=words.listed(named),
            )
        )
    chips = draft.inputs.chips
    without = [r for r in itinerary_of(draft) if r.site.id not in chips or chips[r.site.id].after is None]
    if without:
        items.append(
            words.say("Proposed, without a clear image in the period: {sites}.", sites=draft.sites_named(without))
        )
    once = [r for r in draft.sites if r.site.looked_dekads <= 1]
    if once:
        items.append(words.say("Looked at in a single dekad only: {sites}.", sites=draft.sites_named(once)))
    bare = [draft.stratum_name(stratum.id) for stratum in draft.inputs.aoi.strata if stratum.priors is None]
    if bare:
        items.append(
            words.say("Strata without priors, for which no capacity is given: {strata}.", strata=words.listed(bare))
        )
    missing = sorted({gap for reading in draft.sites if reading.alert for gap in reading.alert.gaps})
    kinds = dict.fromkeys(gap_in_words(gap.split(":", 1)[0], words) for gap in missing)
    if kinds:
        items.append(words.say("Named by the alerts: {gaps}.", gaps=words.listed(list(kinds))))
    return items


def gap_in_words(reason: str, words: Words) -> str:
    """Say a reason in words; one that has none is shown as it stands."""
    return words.say(GAP[reason]) if reason in GAP else plain(reason, 120)


def _gap_table(draft: Draft, groups: tuple[GapGroup, ...]) -> Table:
    words = draft.words
    rows = [
        (
            gap_in_words(group.reason, words),
            words.sensor(group.sensor) if group.sensor else "–",
            words.number(group.count),
            words.number(group.tiles) if group.tiles else words.say("whole area"),
            words.between(words.short_date(group.first_day), words.short_date(group.last_day)),
        )
        for group in groups
    ]
    return Table(
        caption=words.say("Gaps by reason"),
        columns=(
            Column(title=words.say("Reason"), width=2.4),
            Column(title=words.say("Sensor"), width=1.0),
            Column(title=words.say("Times"), width=0.6, align="right"),
            Column(title=words.say("Tiles"), width=0.8, align="right"),
            Column(title=words.say("When"), width=1.6),
        ),
        rows=tuple(rows),
    )


def write_caveats(draft: Draft) -> list[Block]:
    """Section 8."""
    words = draft.words
    return [
        Heading(text=words.say("8. Caveats, vintages and provenance"), key="caveats"),
        Notice(title=words.say("Read this with every page"), items=tuple(_caveats(draft))),
        Table(
            caption=words.say("Where the numbers come from"),
            columns=(Column(title=words.say("Item"), width=1.2), Column(title=words.say("Entry"), width=2.8)),
            rows=tuple(_provenance(draft)),
        ),
    ]


def _caveats(draft: Draft) -> list[str]:
    words, run = draft.words, draft.inputs.run
    items = []
    if draft.inputs.simulated:
        items.append(
            words.say(
                "SIMULATED WORLD: the area, the scenes and the figures are made up. Nothing here is about a real place."
            )
        )
    items += [
        words.say("Preliminary: later scenes and field work may change what is said here."),
        words.say(
            "Not marked does not mean undisturbed. What is not marked may not have been seen, or may be too small to "
            "see."
        ),
        words.say(
            "Detection limit: about 0.05–0.1 ha with Sentinel-2 and 0.5 ha with Landsat (B-M, medium confidence); a "
            "single pit of 5–10 m is smaller than a pixel."
        ),
    ]
    if run.min_site_ha is not None:
        items.append(words.say("Sites smaller than {area} are not kept.", area=words.area(run.min_site_ha)))
    items += _operating(draft)
    items += [
        words.say(
            "A marked site is ground that was probably dug. It says nothing of lawfulness, of persons or of the "
            "mineral."
        ),
        words.say(
            "Opening days are back-dated estimates; the ground was last seen clear on the day given as last clear look."
        ),
        words.say(
            "Boundaries and names shown do not imply endorsement or acceptance by the Kimberley Process or any "
            "participant."
        ),
    ]
    if draft.inputs.aoi.sensitivity == "kp-only":
        items.append(words.say("For Kimberley Process participants and observers only: this brief holds exact places."))
    return items


def _operating(draft: Draft) -> list[str]:
    """Say from when on a site is announced, how many false alerts that stands for, and by what calibration."""
    words, point = draft.words, draft.inputs.run.operating
    if point is None:
        return []
    confidence, area = words.percent(point.provisional_confidence), words.area(point.min_area_ha)
    if point.rate is None:
        return [
            words.say(
                "Sites are announced from a confidence of {confidence} and {area} on. How many false alerts that "
                "stands for is not known: this version of the detector was not calibrated for it.",
                confidence=confidence,
                area=area,
            )
        ]
    rate = point.rate
    items = [
        words.say(
            "Sites are announced from a confidence of {confidence} and {area} on. On simulated worlds ({exposure} km² "
            "months) that left {rate} false alerts per 1,000 km² and month (95 % interval {low} to {high}). This is no "
            "field accuracy. Calibration: {calibration}.",
            confidence=confidence,
            area=area,
            exposure=words.number(rate.km2_months),
            rate=words.rounded(rate.per_1000km2_month),
            low=words.rounded(rate.low),
            high=words.rounded(rate.high),
            calibration=plain(rate.calibration, 120),
        )
    ]
    if point.caveats:
        items.append(
            words.say(
                "The calibration was made with other options than those in use ({caveats}); the rate may differ.",
                caveats=words.listed([plain(caveat, 60) for caveat in point.caveats]),
            )
        )
    return items


def _provenance(draft: Draft) -> list[tuple[str, str]]:
    words, inputs, run = draft.words, draft.inputs, draft.inputs.run
    scenes = [f"{words.sensor(sensor)} {words.number(count)}" for sensor, count in sorted(run.scenes.items())]
    vintages = sorted({one.as_published_on for one in inputs.declared if one.as_published_on})
    span = words.say("unknown")
    if vintages:
        span = words.between(words.short_date_of(vintages[0]), words.short_date_of(vintages[-1]))
    period = f"{words.date(inputs.start_day)} – {words.date(inputs.end_day - 1)}"
    return [
        (words.say("Period of the brief"), period),
        (words.say("Scenes read in the period"), words.listed(scenes) or words.say("unknown")),
        (words.say("Latest scene"), words.moment(run.last_scene) if run.last_scene else words.say("unknown")),
        (words.say("Vintages of declared figures"), span),
        (words.say("Version of the area"), run_text(draft, inputs.aoi.version)),
        (words.say("Run"), run_text(draft, run.run_id)),
        (words.say("Commit of the pixel state"), run_text(draft, run.snapshot_id)),
        (words.say("Detector lineage"), run_text(draft, run.lineage)),
        (words.say("Digest of the options"), run_text(draft, run.options_digest)),
        (words.say("kpgeo version"), run_text(draft, run.kpgeo_version)),
    ]


def run_text(draft: Draft, text: str) -> str:
    """Return a fact of the run, or say that it is unknown."""
    return plain(text, 120) or draft.words.say("unknown")
