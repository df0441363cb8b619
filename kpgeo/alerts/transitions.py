"""The machine's states and every step between them that is allowed."""

from types import MappingProxyType

from kpgeo.model.alert import Alert, MachineState

_S = MachineState

TRANSITIONS: MappingProxyType[MachineState | None, frozenset[MachineState]] = MappingProxyType(
    {
        None: frozenset({_S.CANDIDATE, _S.FIRST}),
        _S.CANDIDATE: frozenset({_S.FIRST, _S.EXPIRED, _S.FINISHED, _S.UNDETERMINED}),
        _S.FIRST: frozenset({_S.PROVISIONAL, _S.EXPIRED, _S.FINISHED, _S.UNDETERMINED}),
        _S.PROVISIONAL: frozenset({_S.CONFIRMED, _S.EXPIRED, _S.FINISHED, _S.UNDETERMINED}),
        _S.CONFIRMED: frozenset({_S.ONGOING, _S.FINISHED, _S.UNDETERMINED}),
        _S.ONGOING: frozenset({_S.FINISHED, _S.UNDETERMINED}),
        _S.FINISHED: frozenset({_S.ONGOING}),
        _S.EXPIRED: frozenset({_S.CONFIRMED}),
        _S.UNDETERMINED: frozenset(set(_S) - {_S.UNDETERMINED}),
    }
)
"""States that may follow a state (None: no alert yet). From `undetermined`, see `is_legal`."""

UNCONFIRMED = frozenset({_S.CANDIDATE, _S.FIRST, _S.PROVISIONAL})
ENDED = frozenset({_S.FINISHED, _S.EXPIRED})
ANNOUNCED = frozenset({_S.PROVISIONAL, _S.CONFIRMED, _S.ONGOING})
"""States people have been told of, and that still stand."""


def is_legal(before: MachineState | None, after: MachineState, held: MachineState | None = None) -> bool:
    """Say whether an alert may step from one state to another.

    An undetermined alert goes back to the state it was held in, or on to one that may follow that state.
    """
    if after not in TRANSITIONS[before]:
        return False
    if before is not _S.UNDETERMINED:
        return True
    return held is not None and (after is held or after in TRANSITIONS[held])


def standing(alert: Alert) -> MachineState:
    """Return the state an alert is in, looking through `undetermined` to the one it is held in."""
    return alert.held_state or alert.state
