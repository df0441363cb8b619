"""Handing a letter over: to a real mail server, over TLS, and to servers that refuse, stall, drip and die."""

import socket
import time
from pathlib import Path

import pytest

from kpgeo.wire import MailError, MailRoute, send_mail
from tests.delivery.receivers import dies_in_data, drips, mail_server, rude_server, write_certificate
from tests.servers.programs import free_port

_LETTER = b"Subject: x\r\nMessage-ID: <1@kpgeo.invalid>\r\n\r\n.a line that begins with a dot\r\n"


def _route(port: int, security: str = "none", **more: object) -> MailRoute:
    values = {"host": "127.0.0.1", "port": port, "security": security, "limit_s": 5.0, **more}
    return MailRoute(**values)  # type: ignore[arg-type]


def _send(route: MailRoute) -> None:
    send_mail(route, "kpgeo@example.org", "a@example.org", _LETTER)


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    write_certificate(path)
    return path


def test_a_letter_arrives_as_it_was_given() -> None:
    with mail_server() as (mailbox, port):
        _send(_route(port))
    assert mailbox.recipients == ["a@example.org"]
    assert mailbox.raw == [_LETTER]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd knows of STARTTLS alone
@pytest.mark.parametrize("is_tls", [True, False])
def test_tls_is_used_and_the_password_is_sent_within_it(cert: Path, *, is_tls: bool) -> None:
    with mail_server(cert=cert, is_tls=is_tls, needs_login=True) as (mailbox, port):
        _send(_route(port, "tls" if is_tls else "starttls", ca_file=str(cert), user="kpgeo", password="right"))
    assert mailbox.logins == [(b"kpgeo", b"right")]
    assert len(mailbox.raw) == 1


@pytest.mark.fault(23)
@pytest.mark.parametrize("is_tls", [True, False])
def test_a_certificate_of_nobody_known_is_refused(cert: Path, *, is_tls: bool) -> None:
    with (
        mail_server(cert=cert, is_tls=is_tls) as (mailbox, port),
        pytest.raises(MailError, match="certificate") as caught,
    ):
        _send(_route(port, "tls" if is_tls else "starttls"))
    assert caught.value.is_passing
    assert caught.value.is_of_server
    assert not mailbox.raw


def test_nothing_is_sent_in_the_open_where_tls_was_asked_for() -> None:
    with mail_server() as (mailbox, port), pytest.raises(MailError, match="STARTTLS"):
        _send(_route(port, "starttls"))
    assert not mailbox.raw


def test_a_wrong_password_can_be_mended(cert: Path) -> None:
    with mail_server(cert=cert, needs_login=True) as (mailbox, port), pytest.raises(MailError, match="535") as caught:
        _send(_route(port, "starttls", ca_file=str(cert), user="kpgeo", password="canary-wrong"))
    assert caught.value.is_passing
    assert "canary" not in str(caught.value)
    assert not mailbox.raw


@pytest.mark.parametrize(
    ("where", "answer", "is_passing", "is_of_server"),
    [
        ("rcpt", "550 no such user", False, False),
        ("rcpt", "452 mailbox full", True, False),
        ("rcpt", "421 closing", True, True),
        ("data", "554 spam", False, False),
        ("data", "451 try later", True, False),
    ],
)
def test_refusals_pass_or_do_not_as_their_code_says(
    where: str, answer: str, *, is_passing: bool, is_of_server: bool
) -> None:
    with mail_server() as (mailbox, port):
        setattr(mailbox, f"{where}_answer", answer)
        with pytest.raises(MailError, match=answer[:3]) as caught:
            _send(_route(port))
    assert (caught.value.is_passing, caught.value.is_of_server) == (is_passing, is_of_server)


def test_what_a_server_says_is_one_clean_line() -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"554-go\x1b[31m\r\n554 away\xff\r\n")

    with rude_server(greet) as port, pytest.raises(MailError, match="554") as caught:
        _send(_route(port))
    assert str(caught.value).isprintable()


@pytest.mark.fault(21)
def test_a_server_that_dies_in_the_middle_of_the_data_is_tried_again() -> None:
    with rude_server(dies_in_data) as port, pytest.raises(MailError) as caught:
        _send(_route(port))
    assert caught.value.is_passing
    assert caught.value.is_of_server


@pytest.mark.fault(21)
@pytest.mark.parametrize("behave", [drips, lambda _: time.sleep(5.0)])
def test_a_server_that_stalls_or_drips_ends_in_its_time(behave: object) -> None:
    with rude_server(behave) as port, pytest.raises(MailError, match="in time"):  # type: ignore[arg-type]
        _send(_route(port, limit_s=0.5))


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(MailError, match="refused") as caught:
        _send(_route(free_port()))
    assert caught.value.is_passing
