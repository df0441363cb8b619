"""Deliver to a folder: put what waits in the outbox where people and machines find it, each thing once."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kpgeo.flows.schedule.alarm import ALARM
from kpgeo.flows.watching.unwatched import left_out_sentences
from kpgeo.model.aoi import LeftOut
from kpgeo.model.decision import OutboxItem
from kpgeo.options.deliver import DeliverOptions
from kpgeo.store import Tables, Workspace, write_atomic

_STATES = {
    "alert-provisional": "seen again",
    "alert-confirmed": "confirmed",
    "alert-expired": "not confirmed in time",
    "alert-finished": "finished",
    "alert-withdrawn": "withdrawn after review",
    "alert-overturned": "not upheld by later scenes",
}


def deliver(workspace: Workspace, tables: Tables, options: DeliverOptions) -> int:
    """Write every item that waits as a JSON file named by its id, mark it sent, and write the digest anew.

    A file is written before its item is marked. Killed in between, the next run writes the same file again: a receiver
    sees one thing, because its name and content follow from what it says.

    Returns
    -------
    int
        How many items were delivered.
    """
    folder = workspace.products / options.folder
    pending = tables.pending_outbox()
    for item in pending:
        write_atomic(folder / f"{item.id}.json", _as_json(item))
    if pending and options.with_digest:
        write_atomic(folder / "digest.md", _digest(folder).encode())
    for item in pending:
        tables.mark_sent(item.id)
    return len(pending)


def _as_json(item: OutboxItem) -> bytes:
    what = "alarm" if item.kind.startswith(ALARM) else "alert"
    content = {"id": item.id, "aoi": item.aoi_id, "kind": item.kind, what: item.payload}
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def _digest(folder: Path) -> str:
    """Return what was ever delivered to a folder as one page, newest dekad first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    items = [item for item in found if "alert" in item]
    items.sort(key=lambda item: (item["alert"]["dekad"], item["aoi"], item["id"]), reverse=True)
    lines = ["# Alerts", "", "KP ONLY. Imagery never decides alone; each line names what was not seen.", ""]
    alarms = sorted((item["alarm"] for item in found if "alarm" in item), key=_moment_of_alarm, reverse=True)
    lines += [line for alarm in alarms for line in (f"**{alarm.get('sentences', {}).get('en', '')}**", "")]
    told = [item["alert"].get("operating", {}).get("statement", "") for item in items]
    told += left_out_sentences(_left_out(items))
    lines += [line for statement in dict.fromkeys(filter(None, told)) for line in (statement, "")]
    dekad = ""
    for item in items:
        if item["alert"]["dekad"] != dekad:
            dekad = item["alert"]["dekad"]
            lines += [f"## {dekad}", ""]
        lines.append(_line(item))
    return "\n".join(lines) + "\n"


def _moment_of_alarm(alarm: dict[str, Any]) -> str:
    return str(alarm.get("ended_at") or alarm.get("raised_at") or "")


def _left_out(items: Sequence[dict[str, Any]]) -> dict[str, LeftOut]:
    """Return what the newest item of each AOI says is not watched, by choice; items are newest first."""
    newest = {item["aoi"]: item["alert"].get("left_out") for item in reversed(items)}
    return {aoi_id: LeftOut(**told) for aoi_id, told in sorted(newest.items()) if told}


def _line(item: dict[str, Any]) -> str:
    """Return one delivered item as a line of the digest."""
    alert = item["alert"]
    place = f" at {alert['lat']:.5f}, {alert['lon']:.5f}" if "lat" in alert else ""
    area = f"{alert['area_ha']:.2f} ha ({alert['area_low_ha']:.2f} to {alert['area_high_ha']:.2f})"
    unseen = f" Not seen: {', '.join(_plain(alert['gaps']))}." if alert["gaps"] else ""
    return (
        f"- **{item['aoi']}**, site `{alert['site']}`{place}: {_STATES.get(item['kind'], item['kind'])}; {area}, "
        f"confidence {alert['confidence']:.2f}, digging since {alert['first_seen']}, seen in {alert['hits']} of "
        f"{alert['looked_dekads']} dekads looked at. Question: {alert['question']}.{unseen}"
    )


def _plain(gaps: Sequence[str]) -> list[str]:
    """Return gaps without the dekads they are of, each kind once with how often."""
    kinds = [gap.partition(":")[0] for gap in gaps]
    return [f"{kind} ({kinds.count(kind)} dekads)" for kind in dict.fromkeys(kinds)]
