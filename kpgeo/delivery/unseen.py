"""What could not be seen, in sentences. Silence is never "all quiet"."""

from collections import Counter
from collections.abc import Sequence

from kpgeo.delivery.content import SeenAoi, SeenSpan
from kpgeo.delivery.words import Wording

_MOST_SPANS = 4
_MOST_FAULTS = 4


def unseen_lines(seen: Sequence[SeenAoi], words: Wording) -> list[str]:
    """Return, AOI by AOI, how much was seen, what failed, and what is not watched by choice."""
    return [line for one in seen for line in _of_aoi(one, words)]


def _of_aoi(one: SeenAoi, words: Wording) -> list[str]:
    name = words.name(one.names, one.aoi)
    lines = [_span(name, span, words) for span in joined(one.spans)[-_MOST_SPANS:]]
    if not one.spans:
        lines.append(words.say("never", aoi=name))
    faults: Counter[str] = Counter()
    for reason, n in one.faults.items():
        faults[words.named("gaps", reason)] += n
    if faults:
        told = [words.say("times", gap=gap, n=n) for gap, n in faults.most_common(_MOST_FAULTS)]
        lines.append(words.say("faults", aoi=name, faults=words.listed(told)))
    if one.left_out is not None:
        ha, share = words.number(float(one.left_out["area_ha"])), words.percent(float(one.left_out["share_frac"]))
        lines.append(words.say("left-out", aoi=name, ha=ha, share=share))
    return lines


def joined(spans: Sequence[SeenSpan]) -> list[SeenSpan]:
    """Return spans with those that no run looked at, one after the other, as one."""
    kept: list[SeenSpan] = []
    for span in spans:
        if kept and span.look_frac is None and kept[-1].look_frac is None:
            kept[-1] = SeenSpan(start=kept[-1].start, end=span.end)
        else:
            kept.append(span)
    return kept


def _span(name: str, span: SeenSpan, words: Wording) -> str:
    start, end = words.date(span.start), words.date(span.end)
    if span.look_frac is None:
        return words.say("no-run", aoi=name, start=start, end=end)
    return words.say(
        "seen",
        aoi=name,
        start=start,
        end=end,
        look=words.percent(span.look_frac),
        optical=words.percent(span.optical_frac or 0.0),
        unseen=words.percent(max(1.0 - span.look_frac, 0.0)),
    )
