"""Every pair of the machine's states, and the state an undetermined alert is held in, against the table of the page."""

import itertools
from dataclasses import replace

import pytest

from kpgeo.alerts import is_legal, rules
from kpgeo.model.alert import MachineState
from kpgeo.model.errors import IntegrityError
from tests.alerts.test_alerts_rules import OPTIONS, context, replay, site

S = MachineState
STEPS = {  # docs/theory/sites-and-alerts.md, section 3, written a second time
    (None, S.CANDIDATE), (None, S.FIRST),
    (S.CANDIDATE, S.FIRST), (S.FIRST, S.PROVISIONAL), (S.PROVISIONAL, S.CONFIRMED), (S.CONFIRMED, S.ONGOING),
    (S.CANDIDATE, S.EXPIRED), (S.FIRST, S.EXPIRED), (S.PROVISIONAL, S.EXPIRED),
    (S.CANDIDATE, S.FINISHED), (S.FIRST, S.FINISHED), (S.PROVISIONAL, S.FINISHED), (S.CONFIRMED, S.FINISHED),
    (S.ONGOING, S.FINISHED),
    (S.FINISHED, S.ONGOING), (S.EXPIRED, S.CONFIRMED),
    *((state, S.UNDETERMINED) for state in (S.CANDIDATE, S.FIRST, S.PROVISIONAL, S.CONFIRMED, S.ONGOING)),
}  # fmt: skip
HELD = (S.CANDIDATE, S.FIRST, S.PROVISIONAL, S.CONFIRMED, S.ONGOING)
ILLEGAL = [pair for pair in itertools.product(HELD, S) if pair not in STEPS and pair[0] is not pair[1]]


@pytest.mark.parametrize(("before", "after"), list(itertools.product([None, *S], S)))
def test_each_pair_is_legal_or_not_as_written(before, after):
    if before is not S.UNDETERMINED:
        assert is_legal(before, after) == ((before, after) in STEPS)
        return
    assert not is_legal(before, after, None)
    for held in HELD:
        wanted = after is held or ((held, after) in STEPS and after is not S.UNDETERMINED)
        assert is_legal(before, after, held) == wanted


@pytest.mark.parametrize(
    ("now", "after"),
    ILLEGAL,
)
def test_a_rule_that_steps_where_the_table_does_not_lead_is_refused(monkeypatch, now, after):
    alert = replay([site(1)]).alert
    monkeypatch.setattr(rules, "_next_state", lambda *_, **__: (after, None, "x"))
    with pytest.raises(IntegrityError, match=f"may not step from {now} to {after}"):
        rules._step(replace(alert, state=now), site(2), context(2), OPTIONS)
