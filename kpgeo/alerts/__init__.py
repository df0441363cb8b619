"""Sites to alerts: the machine's states, the question each serves, what people make of them, and what is sent."""

from kpgeo.alerts.leaks import Leak, Restricted, find_leaks
from kpgeo.alerts.method import MethodDifference, Placed, compare_methods, placed
from kpgeo.alerts.operating import (
    choose_operating_point,
    confidence_for,
    operating_content,
    operating_sentence,
    rate_at,
    true_share,
)
from kpgeo.alerts.outbox import OutboxEntry, outbox_entries
from kpgeo.alerts.public import generalise, half_years, told_periods
from kpgeo.alerts.review import (
    JUDGED,
    LOCKED,
    OPEN,
    STEPS,
    Refusal,
    may_follow,
    open_acts,
    refusal,
    require_step,
    require_unchanged,
)
from kpgeo.alerts.review_fold import carry_entry, entry_of, fold_reviews, repeated
from kpgeo.alerts.review_notice import alert_seen, withdrawal_notice
from kpgeo.alerts.review_queue import CarryRule, match_reviews, no_longer_raised, priority_of
from kpgeo.alerts.review_words import review_word
from kpgeo.alerts.rules import AlertContext, raise_alerts
from kpgeo.alerts.transitions import ANNOUNCED, TRANSITIONS, is_legal, standing

__all__ = [
    "ANNOUNCED",
    "JUDGED",
    "LOCKED",
    "OPEN",
    "STEPS",
    "TRANSITIONS",
    "AlertContext",
    "CarryRule",
    "Leak",
    "MethodDifference",
    "OutboxEntry",
    "Placed",
    "Refusal",
    "Restricted",
    "alert_seen",
    "carry_entry",
    "choose_operating_point",
    "compare_methods",
    "confidence_for",
    "entry_of",
    "find_leaks",
    "fold_reviews",
    "generalise",
    "half_years",
    "is_legal",
    "match_reviews",
    "may_follow",
    "no_longer_raised",
    "open_acts",
    "operating_content",
    "operating_sentence",
    "outbox_entries",
    "placed",
    "priority_of",
    "raise_alerts",
    "rate_at",
    "refusal",
    "repeated",
    "require_step",
    "require_unchanged",
    "review_word",
    "standing",
    "told_periods",
    "true_share",
    "withdrawal_notice",
]
