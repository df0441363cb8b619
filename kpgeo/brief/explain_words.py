"""An explanation in words: what happened when, how sure it is, and what was not seen."""

from collections import Counter
from collections.abc import Iterator

from kpgeo.brief.explanation import (
    Explanation,
    Spell,
    blind_spans,
    clear_counts,
    likeliest,
    reached,
    spells,
    surest,
    turn_to_mining,
    weigh_evidence,
)
from kpgeo.brief.vocabulary import BAND, LAND_STATE, UNSEEN
from kpgeo.brief.words import NBSP, Words
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import dekad_end
from kpgeo.model.scene import Sensor
from kpgeo.model.state import NO_DAY, LandState
from kpgeo.model.trace import LookTrace, mined_prob

_MOST_SPELLS = 4
_LONG_BLIND_DAYS = 10


def say_explanation(explanation: Explanation, language: Language) -> tuple[str, ...]:
    """Return the sentences of an explanation."""
    words = Words(language)
    parts = (_looked, _happened, _mined, _weighed, _unseen, _agrees)
    return tuple(sentence for part in parts for sentence in part(explanation, words))


def list_looks(explanation: Explanation, language: Language) -> tuple[str, ...]:
    """Return the looks that moved the belief most, one a line."""
    words = Words(language)
    return tuple(
        f"{number}. {words.short_date(look.day)} {words.sensor(look.sensor)}: "
        f"{signed(look.move_nats, words)} nats ({say_look(look, words)})"
        for number, look in enumerate(explanation.top_looks, start=1)
    )


def say_look(look: LookTrace, words: Words) -> str:
    """Return what a look saw, against the season: the bands that depart, in scatters, widest first."""
    ranked = sorted(zip(look.bands, look.departures, strict=True), key=lambda pair: -abs(pair[1]))
    telling = [(band, value) for band, value in ranked if abs(value) >= 1.0] or ranked[:1]
    return words.listed([f"{words.say(BAND[band])} {signed(value, words)}" for band, value in telling])


def state_name(state: LandState, words: Words) -> str:
    """Name what was likeliest; `DUG` stands for mining."""
    return words.say("mining") if state is LandState.DUG else words.say(LAND_STATE[state])


def signed(value: float, words: Words, decimals: int = 1) -> str:
    """Write a number with its sign, a true minus."""
    return ("−" if value < 0 else "+") + words.number(abs(value), decimals)


def head_of(explanation: Explanation, words: Words) -> tuple[str, str]:
    """Return the title and the line below it. Neither says where the pixel lies."""
    place = words.name(explanation.aoi.name(words.language))
    if explanation.site is None:
        title = words.say("{place}: why this pixel is believed to be what it is", place=place)
        below = words.say("{pixel}, picked by its place.", pixel=explanation.pixel_id)
        return title, below
    title = words.say("{place}: why {site} is believed to be mined", place=place, site=explanation.site.id)
    below = words.say(
        "{pixel}: number {rank} of the {count} pixels of the site by belief in mining on {date}.",
        pixel=explanation.pixel_id,
        rank=words.number(explanation.rank),
        count=words.number(explanation.of_pixels),
        date=words.date(dekad_end(explanation.site.dekad) - 1),
    )
    return title, below


def label_of(explanation: Explanation, words: Words) -> str:
    """Return who may read it."""
    parts = [words.say("KP ONLY – not for release")] if explanation.aoi.sensitivity == "kp-only" else []
    if explanation.is_simulated:
        parts.append(words.say("SIMULATED WORLD"))
    return " · ".join(parts)


def _looked(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say what was looked at, and what it was held against."""
    counts = clear_counts(explanation.trace)
    yield words.say(
        "From {start} to {end}, {acquired} acquisitions reached this pixel and {clear} saw it clearly: {sensors}.",
        start=words.date(explanation.first_day),
        end=words.date(explanation.end_day - 1),
        acquired=words.number(len(reached(explanation.trace))),
        clear=words.number(counts.total()),
        sensors=words.listed([f"{words.sensor(one)}{NBSP}{words.number(counts[one])}" for one in Sensor]),
    )
    begin, end = explanation.history
    yield words.say(
        "What its seasons look like was learnt from {count} scenes of {start} to {end}.",
        count=words.number(sum(explanation.history_scenes.values())),
        start=words.date(begin),
        end=words.date(end - 1),
    )
    if explanation.refit_days:
        days = words.listed([words.date(day) for day in explanation.refit_days])
        yield words.say("They were learnt anew as of {days}.", days=days)


def _happened(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say what the land was believed to be, spell by spell."""
    state, chance = likeliest(explanation.trace.dekads[0].start)
    yield words.say(
        "When monitoring began it was believed to be: {state} ({chance}).",
        state=state_name(state, words),
        chance=words.percent(chance),
    )
    others = [spell for spell in spells(explanation.trace) if spell.state is not LandState.STABLE]
    told = sorted(others, key=lambda spell: spell.first_day - spell.last_day)[:_MOST_SPELLS]
    for spell in sorted(told, key=lambda one: one.first_day):
        yield _spell(spell, explanation, words)
    if len(others) > len(told):
        yield words.say("Shorter spells are left out: {count}.", count=words.number(len(others) - len(told)))
    if not others:
        yield words.say("It was believed to be as its season has it throughout.")


def _spell(spell: Spell, explanation: Explanation, words: Words) -> str:
    """Say one spell."""
    return words.say(
        "From {start} to {end} the likeliest was: {state} (at most {chance}).",
        start=words.date(spell.first_day),
        end=words.date(min(spell.last_day, explanation.end_day - 1)),
        state=state_name(spell.state, words),
        chance=words.percent(spell.peak),
    )


def _mined(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say when mining became likely, how sure it is, and since when."""
    turn = turn_to_mining(explanation.trace)
    last = explanation.trace.dekads[-1]
    if turn is not None:
        yield words.say(
            "The look that first made mining likelier than not: {sensor}, {date} ({seen}, in scatters).",
            sensor=words.sensor(turn.sensor),
            date=words.date(turn.day),
            seen=say_look(turn, words),
        )
    elif mined_prob(explanation.trace.dekads[0].start) <= 0.5:
        day, chance = surest(explanation.trace)
        yield words.say(
            "Mining was never likelier than not: at most {chance}, on {date}.",
            chance=words.percent(chance),
            date=words.date(min(day, explanation.end_day - 1)),
        )
    yield words.say(
        "At the end: mining {mined} (dug {dug}, pit pond {pond}).",
        mined=words.percent(mined_prob(last.end)),
        dug=words.percent(last.end[LandState.DUG]),
        pond=words.percent(last.end[LandState.POND]),
    )
    if last.onset_day != NO_DAY and mined_prob(last.end) > 0.5:
        yield words.say("Digging is dated back to {date}.", date=words.date(last.onset_day))


def _weighed(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say what the looks since digging began said, by kind of sensor."""
    trace = explanation.trace
    onset_day = trace.dekads[-1].onset_day
    if onset_day == NO_DAY or mined_prob(trace.dekads[-1].end) <= 0.5:
        return
    evidence = weigh_evidence(trace, onset_day)
    yield words.say(
        "Since then the log-odds of mining moved by {optical} nats by optical looks and by {radar} by radar.",
        optical=signed(evidence.optical_nats, words),
        radar=signed(evidence.radar_nats, words),
    )


def _unseen(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say what was not seen."""
    of_any = words.say("Longest time without a clear look of any sensor: {days} days, {start} to {end}.")
    optical = words.say("Longest time without a clear optical look: {days} days, {start} to {end}.")
    for text, is_optical in ((of_any, False), (optical, True)):
        first, last = blind_spans(explanation, is_optical=is_optical)[0]
        if last - first > _LONG_BLIND_DAYS:
            days = words.number(last - first)
            yield text.format(days=days, start=words.date(first), end=words.date(last))
    reasons = Counter(look.unseen for look in reached(explanation.trace) if not look.is_clear)
    if reasons:
        said = [f"{words.say(UNSEEN[reason])}{NBSP}{words.number(n)}" for reason, n in reasons.most_common()]
        yield words.say("Acquired and not clear: {reasons}.", reasons=words.listed(said))


def _agrees(explanation: Explanation, words: Words) -> Iterator[str]:
    """Say whether the explanation is what the run did."""
    apart = explanation.trace.apart
    if not apart:
        yield words.say("Done again from the scenes, the belief equals the stored one in every dekad.")
        return
    yield words.say(
        "Done again from the scenes, the belief differs from the stored one in {count} of {all} dekads, by at most "
        "{most}: what can be read now is not what the run read.",
        count=words.number(len(apart)),
        all=words.number(len(explanation.trace.dekads)),
        most=words.number(max(difference for _, difference in apart), 4),
    )
    scenes = {gap.scene_id for gap in explanation.gaps if gap.scene_id}
    if scenes:
        yield words.say("Scenes that cannot be read now: {count}.", count=words.number(len(scenes)))
