"""Sites to alerts: the machine's states, the question each alert serves, and what is sent."""

from kpgeo.alerts.method import MethodDifference, Placed, compare_methods, near_pairs, placed
from kpgeo.alerts.operating import (
    choose_operating_point,
    confidence_for,
    operating_content,
    operating_sentence,
    rate_at,
    true_share,
)
from kpgeo.alerts.outbox import OutboxEntry, outbox_entries
from kpgeo.alerts.rules import AlertContext, raise_alerts
from kpgeo.alerts.transitions import ANNOUNCED, TRANSITIONS, is_legal, standing

__all__ = [
    "ANNOUNCED",
    "TRANSITIONS",
    "AlertContext",
    "MethodDifference",
    "OutboxEntry",
    "Placed",
    "choose_operating_point",
    "compare_methods",
    "confidence_for",
    "is_legal",
    "near_pairs",
    "operating_content",
    "operating_sentence",
    "outbox_entries",
    "placed",
    "raise_alerts",
    "rate_at",
    "standing",
    "true_share",
]
