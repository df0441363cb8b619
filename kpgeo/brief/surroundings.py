"""What lies around a site, in words: where it lies to recorded permits, how far things are, what was there before."""

from collections.abc import Iterator

from kpgeo.brief.words import NBSP, Words, noop
from kpgeo.model.aoi import Commodity, Language
from kpgeo.model.surroundings import (
    BaselineStanding,
    MinedGood,
    MiningType,
    Nearest,
    PermitShare,
    PermitStanding,
    Surroundings,
    WorkedBefore,
)

_STANDING = {
    PermitStanding.INSIDE: noop("Inside a recorded permit that is valid on {date}."),
    PermitStanding.PARTLY_INSIDE: noop("Partly inside a recorded permit that is valid on {date}."),
    PermitStanding.OUTSIDE: noop("Outside every recorded permit that is valid on {date}."),
    PermitStanding.INSIDE_EXPIRED: noop("Inside a recorded permit that is no longer valid on {date}."),
    PermitStanding.INSIDE_NOT_YET_VALID: noop("Inside a recorded permit that is not yet valid on {date}."),
    PermitStanding.NOT_KNOWN: noop("Recorded permits are not known: the area has no layer of them."),
}
_COMMODITY = {
    Commodity.DIAMOND: noop("for diamonds"),
    Commodity.GOLD: noop("for gold"),
    Commodity.DIAMOND_AND_GOLD: noop("for diamonds and gold"),
    Commodity.OTHER: noop("for something else"),
}
_KIND = {
    "drainage": noop("drainage"),
    "road": noop("road"),
    "border": noop("border"),
    "settlement": noop("settlement"),
    "permit": noop("valid permit"),
}
_BASELINE = {
    BaselineStanding.NEW: noop("New since monitoring began: {since} newly disturbed."),
    BaselineStanding.GROWN_SINCE: noop(
        "Worked before monitoring began, and grown since: {before} before, {since} newly disturbed since."
    ),
    BaselineStanding.BEFORE_BASELINE: noop("Worked before monitoring began: {before}; no growth large enough to map."),
}
_TYPE = {
    MiningType.DIAMOND: noop("Mining type, by where it lies: diamonds ({reasons}; {confidence})."),
    MiningType.GOLD: noop("Mining type, by where it lies: gold ({reasons}; {confidence})."),
}
_CONFIDENCE = {
    "high": noop("high confidence"),
    "medium": noop("medium confidence"),
    "low": noop("low confidence"),
}
_REASON = {
    "stratum": noop("in the stratum {name}"),
    "gold-workings": noop("on ground where gold is worked"),
    "permit-diamond": noop("in permit {name} for diamonds"),
    "permit-gold": noop("in permit {name} for gold"),
}


def say_surroundings(surroundings: Surroundings, language: Language) -> tuple[str, ...]:
    """Return the sentences of what lies around a site. Nothing of it is a detection, and they say so."""
    words = Words(language)
    return (
        words.say(_STANDING[surroundings.permit_standing], date=words.date(surroundings.day)),
        *(_permit(share, words) for share in surroundings.permits),
        _distances(surroundings, words),
        *_before(surroundings.baseline, words),
        _mined(surroundings.mined_good, words),
    )


def _permit(share: PermitShare, words: Words) -> str:
    """Tell one permit that holds some of a site."""
    return words.say(
        "Permit {name}: {facts}.", name=words.name(share.permit.id), facts=words.listed(list(_facts(share, words)))
    )


def _facts(share: PermitShare, words: Words) -> Iterator[str]:
    permit = share.permit
    if permit.holder:
        yield words.say("holder {holder}", holder=words.name(permit.holder))
    if permit.commodity is not None:
        yield words.say(_COMMODITY[permit.commodity])
    yield _dates(share, words)
    yield words.say("{share} of the outline lies in it", share=words.percent(share.inside_frac))
    yield words.say(
        "source: {source} ({confidence})",
        source=words.name(f"{permit.source.source} {permit.source.mark}".strip()),
        confidence=words.say(_CONFIDENCE[permit.source.confidence]),
    )


def _dates(share: PermitShare, words: Words) -> str:
    """Tell when a permit is valid, both days included."""
    first, end = share.permit.valid_from_day, share.permit.valid_until_day
    if first is None and end is None:
        return words.say("valid without recorded dates")
    if first is None and end is not None:
        return words.say("valid until {last}", last=words.short_date(end - 1))
    if first is not None and end is None:
        return words.say("valid from {first}", first=words.short_date(first))
    return words.say(
        "valid from {first} to {last}", first=words.short_date(first or 0), last=words.short_date((end or 0) - 1)
    )


def _distances(surroundings: Surroundings, words: Words) -> str:
    told = []
    for name, kind in _KIND.items():
        nearest: Nearest | None = getattr(surroundings, name)
        is_none_valid = name == "permit" and surroundings.permit_standing is not PermitStanding.NOT_KNOWN
        if nearest is None and is_none_valid:
            told.append(words.say("no valid permit recorded"))
        else:
            told.append(f"{words.say(kind)} {_distance(nearest, words)}")
    return words.say("Distance to the nearest, by the layers of the area: {told}.", told=words.listed(told))


def _distance(nearest: Nearest | None, words: Words) -> str:
    """Write a distance as exactly as it is known."""
    if nearest is None:
        return words.say("not known")
    metres = nearest.distance_m
    text = f"{words.number(metres)}{NBSP}m" if metres < 1_000.0 else f"{words.trimmed(metres / 1_000.0, 1)}{NBSP}km"
    if nearest.is_beyond:
        return words.say("more than {distance}", distance=text)
    return f"{text} ({words.name(nearest.name)})" if nearest.name else text


def _before(baseline: WorkedBefore, words: Words) -> Iterator[str]:
    since = words.area(baseline.since_ha)
    if "known-workings" in baseline.reasons:
        yield words.say("It lies on workings that were known before.")
    if baseline.reasons == ("known-workings",):
        yield words.say("Newly disturbed since monitoring began: {since}.", since=since)
    else:
        yield words.say(_BASELINE[baseline.standing], before=words.area(baseline.before_ha), since=since)


def _mined(good: MinedGood, words: Words) -> str:
    reasons = words.listed([_reason(reason, words) for reason in good.reasons])
    if good.type is MiningType.UNKNOWN or good.confidence is None:
        if not reasons:
            return words.say("Mining type: not known. No layer tells, and images do not.")
        return words.say(
            "Mining type: not known. Where it lies speaks for diamonds and for gold ({reasons}).", reasons=reasons
        )
    said = words.say(_TYPE[good.type], reasons=reasons, confidence=words.say(_CONFIDENCE[good.confidence]))
    tail = words.say("Images do not tell.")
    return f"{said} {tail}"


def _reason(reason: str, words: Words) -> str:
    kind, _, name = reason.partition(":")
    return words.say(_REASON[kind], name=words.name(name)) if name else words.say(_REASON[kind])
