"""What subscribers count as known without having been told."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select, update

from kpgeo.store import rows, schema


def settle_items(connection: Connection, followed: Mapping[str, Collection[str]]) -> None:
    """Let items count as known to each channel that knows of an alert that they follow, within a writing transaction.

    Parameters
    ----------
    followed : mapping
        By item id, the alerts at its place that people may have been told of.
    """
    items, made, table = schema.outbox.c, schema.deliveries.c, schema.subscriptions
    known = {
        row.id: json.loads(row.payload).get("alert") for row in connection.execute(select(items.id, items.payload))
    }
    for row in connection.execute(select(table)).mappings().all() if followed else ():
        told = select(made["items"]).where(made.subscriber == row["subscriber"], made.channel == row["channel"])
        settled = frozenset(json.loads(row["settled"]))
        met = settled.union(*map(json.loads, connection.scalars(told)))
        heard = {known[item] for item in met if item in known}
        settled |= {item for item, alerts in followed.items() if not heard.isdisjoint(alerts)}
        same = (table.c.subscriber == row["subscriber"], table.c.channel == row["channel"])
        connection.execute(update(table).where(*same).values(settled=rows.to_json(sorted(settled))))
