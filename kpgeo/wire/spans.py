"""Half-open spans of bytes: which are asked for together."""

from collections.abc import Sequence
from typing import NamedTuple

Span = tuple[int, int]


class Errand(NamedTuple):
    """One request: from where to where, and the numbers of the spans that it brings."""

    begin: int
    end: int
    numbers: tuple[int, ...]


def join_spans(spans: Sequence[Span], numbers: Sequence[int], gap_bytes: int, limit_bytes: int) -> list[Errand]:
    """Join spans that lie no farther apart than a gap, up to a size, in the order of the file.

    A span beyond the size alone is one errand. Empty spans are nobody's.

    >>> join_spans([(90, 99), (0, 10), (12, 20), (5, 8)], [0, 1, 2, 3], gap_bytes=2, limit_bytes=50)
    [Errand(begin=0, end=20, numbers=(1, 3, 2)), Errand(begin=90, end=99, numbers=(0,))]
    """
    errands: list[Errand] = []
    for number in sorted(numbers, key=lambda one: spans[one]):
        begin, end = spans[number]
        if begin >= end:
            continue
        last = errands[-1] if errands else None
        if last is not None and begin <= last.end + gap_bytes and max(end, last.end) - last.begin <= limit_bytes:
            errands[-1] = Errand(last.begin, max(end, last.end), (*last.numbers, number))
        else:
            errands.append(Errand(begin, end, (number,)))
    return errands
