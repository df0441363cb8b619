"""What one check found, and how checks are kept from hanging."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kpgeo.model.errors import KpgeoError, UpstreamError
from kpgeo.options.pipeline import Pipeline

_log = logging.getLogger(__name__)
_DONE = object()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : str
        What was looked at.
    state : str
        `ok`, `warn` (a run can go on) or `fail` (it cannot, or not with what was looked at).
    detail : str
        What was found. Never a secret.
    remedy : str
        The mend, in one sentence; "" only where all is well.
    is_upstream : bool
        Whether the fault lies with a catalogue, or on the way to it.
    """

    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""
    is_upstream: bool = False

    def __post_init__(self) -> None:
        if (self.state == "ok") == bool(self.remedy):
            raise ValueError(f"{self.check}: a fault is named with its mend, and only a fault is")

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON."""
        return {"check": self.check, "state": self.state, "detail": self.detail, "remedy": self.remedy}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is examined.

    Attributes
    ----------
    environ : mapping
        Environment variables.
    """

    workspace: Path
    pipeline: Pipeline | None
    environ: Mapping[str, str] = field(repr=False)


def good(check: str, detail: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, state="ok", detail=detail)


def warned(check: str, detail: str, remedy: str, *, is_upstream: bool = False) -> Finding:
    """Return a finding that a run can live with."""
    return Finding(check=check, state="warn", detail=detail, remedy=remedy, is_upstream=is_upstream)


def failed(check: str, detail: str, remedy: str, *, is_upstream: bool = False) -> Finding:
    """Return a finding that stops a run."""
    return Finding(check=check, state="fail", detail=detail, remedy=remedy, is_upstream=is_upstream)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "tile"), counted(1200, "tile")
    ('1 tile', '1,200 tiles')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def of_error(check: str, error: KpgeoError, remedy: str) -> Finding:
    """Return what an error says, with its own mend where it names one."""
    detail = f"{error.where}: {error.what}" if error.where else error.what
    return failed(check, detail, error.remedy or remedy, is_upstream=isinstance(error, UpstreamError))


def within(
    deadline_s: float, check: str, look: Callable[[], Iterable[Finding]], *, is_upstream: bool = False
) -> list[Finding]:
    """Return what a check finds, or by the deadline what it has found so far and that it hangs.

    It runs in a thread of its own, which is left behind where it hangs: a dead network drive lets nobody go.
    """
    found: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_look, args=(found, check, look), daemon=True).start()
    findings: list[Finding] = []
    while True:
        try:
            one = found.get(timeout=deadline_s)
        except queue.Empty:
            remedy = "Try again later; if it stays so, ask whoever runs that disk or service whether it is well."
            hung = failed(check, f"no answer within {deadline_s:g} s", remedy, is_upstream=is_upstream)
            return [*findings, hung]
        if one is _DONE:
            return findings
        findings.append(one)


def _look(found: "queue.Queue[Any]", check: str, look: Callable[[], Iterable[Finding]]) -> None:
    try:
        for one in look():
            found.put(one)
    except KpgeoError as error:
        found.put(of_error(check, error, "Mend what is named there, and ask again."))
    except Exception as error:  # noqa: BLE001 - the top frame of a check: one that breaks must not hide the others
        _log.debug("check %s", check, exc_info=error)
        detail = f"could not be checked ({type(error).__name__}: {error})"
        found.put(warned(check, detail, "Run again with KPGEO_DEBUG=1, and report what it says."))
    found.put(_DONE)
