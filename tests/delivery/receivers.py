"""Receivers on loopback: a mail server that is not ours (aiosmtpd), one that misbehaves, and one for webhooks."""

import datetime as dt
import email
import email.policy
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.programs import free_port


class Mailbox:
    """What a mail server took, and what it answers."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.rcpt_answer = ""
        self.data_answer = ""

    @property
    def letters(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]  # type: ignore[misc]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_answer:
            return self.data_answer
        self.raw.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)


@contextmanager
def mail_server(
    *, port: int = 0, cert: Path | None = None, is_tls: bool = False, needs_login: bool = False
) -> Iterator[tuple[Mailbox, int]]:
    """Run aiosmtpd; with a certificate it offers STARTTLS, or speaks TLS from the first byte."""
    mailbox = Mailbox()
    context = None
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert)

    class Quiet(Controller):
        def factory(self) -> SMTP:
            return SMTP(
                self.handler,
                hostname="localhost",
                tls_context=None if is_tls else context,
                require_starttls=context is not None and not is_tls,
                authenticator=mailbox.authenticate,
                auth_required=needs_login,
                auth_require_tls=not is_tls,
            )

    port = port or free_port()
    controller = Quiet(mailbox, hostname="127.0.0.1", port=port, ssl_context=context if is_tls else None)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


@contextmanager
def rude_server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that does to each connection what it is told."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    behave(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5.0)


def dies_in_data(connection: socket.socket) -> None:
    """Take a message as far as its DATA, read a part of it, and go."""
    connection.sendall(b"220 here\r\n")
    for _ in range(4):  # EHLO, MAIL, RCPT, DATA
        line = connection.recv(4096)
        connection.sendall(b"354 go on\r\n" if line.upper().startswith(b"DATA") else b"250 ok\r\n")
    connection.recv(200)


def drips(connection: socket.socket) -> None:
    """Say a greeting byte by byte, for ever."""
    while True:
        connection.sendall(b"2")
        time.sleep(0.02)


class Hook(http.server.ThreadingHTTPServer):
    """A receiver of webhooks that answers as its script says, then 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.script: list[Callable[[http.server.BaseHTTPRequestHandler], None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if self.server.script:
            self.server.script.pop(0)(self)
        else:
            self.send_response(204)
            self.end_headers()

    do_GET = do_POST  # noqa: N815 - as the library names it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def answers(code: int, **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return a step of a script: answer with a status and headers."""

    def step(answer: http.server.BaseHTTPRequestHandler) -> None:
        answer.send_response(code)
        for name, value in headers.items():
            answer.send_header(name.replace("_", "-"), value)
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    return step


def hangs(seconds: float) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return a step of a script: say nothing for so long."""
    return lambda _: time.sleep(seconds)


@contextmanager
def hook_server() -> Iterator[Hook]:
    """Run a receiver of webhooks."""
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(timeout=5.0)


def write_certificate(path: Path) -> None:
    """Write a certificate of 127.0.0.1 that signs itself, and its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=30))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
