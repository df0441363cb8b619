"""What can go wrong between kpgeo and another machine, each in a word."""

from typing import Literal

from kpgeo.model.errors import UpstreamError

Fault = Literal[
    "host-refused", "redirect-refused", "redirect-loop", "dns-failed", "tls-failed", "unreachable", "timed-out",
    "reset", "busy", "server-error", "not-found", "forbidden", "refused", "no-ranges", "wrong-range", "short-body",
    "changed-while-read", "too-large", "captive-portal", "disk-full",
]  # fmt: skip

_WORDS: dict[Fault, str] = {
    "host-refused": "The host's address is private, and the pipeline does not name the host.",
    "redirect-refused": "The server redirects to where kpgeo does not follow.",
    "redirect-loop": "The server redirects again and again.",
    "dns-failed": "The host's name cannot be resolved.",
    "tls-failed": "No secure connection can be made.",
    "unreachable": "The host cannot be reached.",
    "timed-out": "The server did not answer in time.",
    "reset": "The server broke the connection off.",
    "busy": "The server is busy.",
    "server-error": "The server failed.",
    "not-found": "There is no such file.",
    "forbidden": "The server does not allow it.",
    "refused": "The server does not answer this request.",
    "no-ranges": "The server gives no parts of files, and the file is too large to be fetched whole.",
    "wrong-range": "Another part came than was asked for.",
    "short-body": "Less came than was announced.",
    "changed-while-read": "The file was replaced while it was read.",
    "too-large": "The answer is larger than allowed.",
    "disk-full": "This machine has no room to keep the file while it is read.",
    "captive-portal": "A web page came where a file was asked for.",
}
_PASSING: frozenset[Fault] = frozenset({
    "dns-failed", "unreachable", "timed-out", "reset", "busy", "server-error", "not-found", "forbidden", "wrong-range",
    "short-body", "changed-while-read", "captive-portal",
})  # fmt: skip


class FetchError(UpstreamError):
    """Bytes that could not be had.

    Parameters
    ----------
    fault : Fault
        Why, in machine words.
    is_passing : bool, optional
        Whether trying again may help: by default what is usual of the fault. `forbidden` passes with a new signature.
    where : str, optional
        The host or file, without its secrets.
    """

    def __init__(self, fault: Fault, *, is_passing: bool | None = None, where: str = "") -> None:
        super().__init__(_WORDS[fault], where=where)
        self.fault = fault
        self.is_passing = fault in _PASSING if is_passing is None else is_passing

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.fault, self.is_passing, self.where))


def _rebuild(fault: Fault, is_passing: bool, where: str) -> FetchError:  # noqa: FBT001 - as `__reduce__` gives them
    return FetchError(fault, is_passing=is_passing, where=where)
