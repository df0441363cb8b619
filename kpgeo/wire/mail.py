"""Handing one e-mail to a mail server, within a time, over a connection that is checked.

`smtplib` has a time limit for each answer, which a server that says a byte now and then never reaches, and looks names
up without any. Here names are looked up within the time, and when the time is over the connection is cut.
"""

import contextlib
import smtplib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from kpgeo.model.errors import UpstreamError
from kpgeo.wire.addresses import look_up
from kpgeo.wire.faults import FetchError

_PASSING_FROM, _CLOSING, _REFUSED_FROM = 400, 421, 500


@dataclass(frozen=True, kw_only=True)
class MailRoute:
    """How a mail server is reached.

    Attributes
    ----------
    security : {"starttls", "tls", "none"}
        Certificates are checked against the host's name; where TLS cannot be had, nothing is sent.
    ca_file : str
        Authorities to trust (PEM); "" is those of the system.
    limit_s : float
        Time for one message, from looking the name up to the server's last word.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    limit_s: float
    ca_file: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


class MailError(UpstreamError):
    """A message that a mail server did not take.

    Parameters
    ----------
    what : str
    is_passing : bool
        Whether trying again may help.
    is_of_server : bool
        Whether it is about the server and not about the message or its receiver: others would fare no better now.
    """

    def __init__(self, what: str, *, is_passing: bool, is_of_server: bool, where: str = "") -> None:
        super().__init__(what, where=where)
        self.is_passing = is_passing
        self.is_of_server = is_of_server

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.what, self.is_passing, self.is_of_server, self.where))


def _rebuild(what: str, is_passing: bool, is_of_server: bool, where: str) -> MailError:  # noqa: FBT001 - as given
    return MailError(what, is_passing=is_passing, is_of_server=is_of_server, where=where)


class _Client(smtplib.SMTP):
    """A client that looks names up within its time, and speaks TLS from the first byte where asked."""

    def __init__(self, route: MailRoute, name: str, tls: ssl.SSLContext | None) -> None:
        self._tls = tls if route.security == "tls" else None
        self._end = time.monotonic() + route.limit_s
        super().__init__(timeout=route.limit_s, local_hostname=name)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect, as `smtplib` asks for it."""
        fault: OSError = OSError("no address")
        for address in look_up(host, port, timeout):
            sock = socket.socket(address.family, socket.SOCK_STREAM)
            try:
                sock.settimeout(max(self._end - time.monotonic(), 0.001))
                sock.connect(address.place)
            except OSError as error:
                sock.close()
                fault = error
            else:
                return sock if self._tls is None else self._tls.wrap_socket(sock, server_hostname=host)
        raise fault

    def cut(self) -> None:
        """End the connection under whoever waits on it."""
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def send_mail(route: MailRoute, sender: str, recipient: str, content: bytes) -> None:
    """Hand a message to a mail server for one recipient.

    Returns when the server has said that it took it.

    Raises
    ------
    MailError
        It did not, or nobody knows: sent again, the message has the same id.
    """
    where = f"{route.host}:{route.port}"
    end = time.monotonic() + route.limit_s
    try:
        _hand_over(route, sender, recipient, content)
    except (smtplib.SMTPException, ssl.SSLError, FetchError, OSError, EOFError) as error:
        if time.monotonic() >= end:  # whatever was read of an answer that was cut short, it is none
            what = "The mail server did not answer in time."
            raise MailError(what, is_passing=True, is_of_server=True, where=where) from None
        raise _fault_of(error, recipient, where) from None


def _fault_of(error: Exception, recipient: str, where: str) -> MailError:
    """Return what an error of a client says, in our words."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(error.recipients[recipient], where)
    if isinstance(error, smtplib.SMTPDataError):
        return _refused((error.smtp_code, error.smtp_error), where)
    if isinstance(error, smtplib.SMTPResponseException):  # greeting, password, sender: the server's keeper can mend it
        what = _refused((error.smtp_code, error.smtp_error), where).what
    else:
        what = f"No message could be handed over ({_said(error)})."
    return MailError(what, is_passing=True, is_of_server=True, where=where)


def _hand_over(route: MailRoute, sender: str, recipient: str, content: bytes) -> None:
    tls = None if route.security == "none" else ssl.create_default_context(cafile=route.ca_file or None)
    client = _Client(route, sender.rpartition("@")[2], tls)
    watch = threading.Timer(route.limit_s, client.cut)
    watch.daemon = True
    watch.start()
    try:
        client._host = route.host  # type: ignore[attr-defined]  # noqa: SLF001 - the name certificates are checked for
        code, said = client.connect(route.host, route.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if route.security == "starttls":
            client.starttls(context=tls)
        if route.user:
            client.login(route.user, route.password)
        client.sendmail(sender, [recipient], content)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()
    finally:
        watch.cancel()
        client.close()


def _refused(answer: tuple[int, bytes | str], where: str) -> MailError:
    """Return what a server's refusal is: 4yz passes, 5yz does not; 421 ends the connection for all."""
    code, said = answer
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    is_passing = _PASSING_FROM <= code < _REFUSED_FROM
    what = f"The mail server answered {code} ({_line(text)})."
    return MailError(what, is_passing=is_passing, is_of_server=code == _CLOSING, where=where)


def _said(error: Exception) -> str:
    """Return an error's words."""
    text = error.what if isinstance(error, FetchError) else (getattr(error, "strerror", None) or str(error))
    return _line(text) or type(error).__name__


def _line(text: str) -> str:
    """Return what somebody else said as one short line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:200]
