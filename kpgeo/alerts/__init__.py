"""Sites to alerts: the machine's states, the question each alert serves, and what is sent."""

from kpgeo.alerts.outbox import OutboxEntry, outbox_entries
from kpgeo.alerts.rules import AlertContext, raise_alerts
from kpgeo.alerts.transitions import ANNOUNCED, TRANSITIONS, is_legal, standing

__all__ = [
    "ANNOUNCED",
    "TRANSITIONS",
    "AlertContext",
    "OutboxEntry",
    "is_legal",
    "outbox_entries",
    "raise_alerts",
    "standing",
]
