"""What a pipeline leaves out on purpose, said with every product: not watched is not quiet."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from kpgeo.flows.watching.record import read_watched
from kpgeo.model.aoi import LeftOut
from kpgeo.store import Workspace


def left_out_of(room: Workspace, aoi_id: str | None = None) -> dict[str, LeftOut]:
    """Return, by AOI id, what the last run left out on purpose; AOIs that are watched whole are not in it."""
    entries = read_watched(room)
    return {
        name: LeftOut(**entry["left_out"])
        for name, entry in sorted(entries.items())
        if entry.get("left_out") and aoi_id in (None, name)
    }


def left_out_content(left_out: LeftOut | None) -> dict[str, Any] | None:
    """Return what is left out as plain JSON; None where nothing is."""
    return None if left_out is None else asdict(left_out)


def left_out_sentence(aoi_id: str, left_out: LeftOut) -> str:
    """Say what is left out, and why."""
    return (
        f"{aoi_id}: {left_out.area_ha:,.0f} ha ({left_out.share_frac:.0%} of the area) are not watched, by choice: "
        f"{left_out.why}. Nothing is said of them."
    )


def left_out_sentences(left_out: dict[str, LeftOut] | Iterable[tuple[str, LeftOut | None]]) -> list[str]:
    """Return one sentence for each AOI that is watched in part."""
    pairs = left_out.items() if isinstance(left_out, dict) else left_out
    return [left_out_sentence(aoi_id, one) for aoi_id, one in pairs if one is not None]
