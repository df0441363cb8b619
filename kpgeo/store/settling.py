"""What subscribers count as known without having been told."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from kpgeo.store import rows, schema


def settle_items(connection: Connection, item_ids: Iterable[str]) -> None:
    """Let items count as known to every channel met so far, within a writing transaction."""
    given = frozenset(item_ids)
    table = schema.subscriptions
    for row in connection.execute(select(table)).mappings().all() if given else ():
        settled = sorted(given | frozenset(json.loads(row["settled"])))
        same = (table.c.subscriber == row["subscriber"], table.c.channel == row["channel"])
        connection.execute(update(table).where(*same).values(settled=rows.to_json(settled)))
