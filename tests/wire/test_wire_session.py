"""The session: where it goes, how long it waits, how often it tries, what it tells whom."""

import datetime as dt
import email.utils
import logging
import shutil
import socket
import ssl
import subprocess
import time

import pytest
import requests

from kpgeo.options.wire import WireOptions
from kpgeo.wire import Access, FetchError, addresses, open_session
from tests.servers.programs import free_port
from tests.wire import fault_server as faults
from tests.wire.fault_server import ALWAYS, FaultServer

CANARY = "CANARYSECRET"


@pytest.fixture
def server():
    with FaultServer() as server:
        server.put("/a.json", b'{"a": 1}')
        yield server


def get(server, path="/a.json", **options):
    """Get a path with quick options."""
    with open_session(server.access(**options)) as session:
        return session.get(server.url + path)


def fault_of(server, path="/a.json", **options):
    """Return the fault a path ends in, and how long that took (s)."""
    begin = time.monotonic()
    with pytest.raises(FetchError) as caught:
        get(server, path, **options)
    return caught.value.fault, time.monotonic() - begin


def test_an_answer_is_an_answer(server):
    answer = get(server)
    assert answer.json() == {"a": 1}
    assert answer.status_code == 200


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]",
        "0.0.0.0", "[::]", "169.254.169.254", "10.0.0.5", "192.168.1.1", "172.16.0.1", "100.64.0.1", "[fe80::1]",
        "[fc00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(server, host):
    access = Access(options=server.access().options)
    with open_session(access) as session, pytest.raises(FetchError) as caught:
        session.get(f"http://{host}:{server.port}/a.json")
    assert caught.value.fault == "host-refused"
    assert not caught.value.is_passing
    assert server.connections == 0


@pytest.mark.fault(41)
def test_trust_is_for_the_port_that_was_named(server):
    with FaultServer() as other, open_session(server.access()) as session:
        other.put("/a.json", b"{}")
        assert session.get(f"{server.url}/a.json").ok
        with pytest.raises(FetchError, match="private"):
            session.get(f"{other.url}/a.json")
        assert other.connections == 0


def test_a_private_host_can_be_allowed_by_an_option(server):
    options = WireOptions(private_hosts=(f"127.0.0.1:{server.port}",), request_attempts=1)
    with open_session(Access(options=options)) as session:
        assert session.get(f"{server.url}/a.json").ok


def resolver(monkeypatch, *answers):
    """Let names resolve to the addresses given, one answer after the other; return the names asked for."""
    asked = []

    def look_up(host, port, **_):
        address = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.fault(41)
def test_a_public_name_with_a_private_address_is_refused(server, monkeypatch):
    resolver(monkeypatch, "127.0.0.1")
    with open_session(Access(options=server.access().options)) as session, pytest.raises(FetchError) as caught:
        session.get(f"http://images.example.org:{server.port}/a.json")
    assert caught.value.fault == "host-refused"
    assert server.connections == 0


@pytest.mark.fault(41)
def test_a_name_is_looked_up_once_and_that_address_is_used(server, monkeypatch):
    """DNS rebinding: a public address to who checks, a private one to who connects."""
    asked = resolver(monkeypatch, "8.8.8.8", "127.0.0.1")
    tried = []

    def connect(self, place):
        tried.append(place[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    access = Access(options=WireOptions(request_attempts=1))
    with open_session(access) as session, pytest.raises(FetchError) as caught:
        session.get(f"http://images.example.org:{server.port}/a.json")
    assert caught.value.fault == "unreachable"
    assert asked == ["images.example.org"]
    assert tried == ["8.8.8.8"]


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("http://127.0.0.1:{other}/a.json", "host-refused"),
        ("http://169.254.169.254/latest/meta-data/", "host-refused"),
        ("http://2130706433:{other}/", "host-refused"),
        ("file:///etc/passwd", "redirect-refused"),
        ("ftp://example.org/a", "redirect-refused"),
        ("/vsicurl/http://127.0.0.1/", "not-found"),
        ("http://user:pw@127.0.0.1:{own}/a.json", "redirect-refused"),
        ("http://[bad/", "refused"),
        ("{self}", "redirect-loop"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(server, target, fault):
    with FaultServer() as other:
        place = target.format(other=other.port, own=server.port, self="/away")
        server.script("/away", faults.redirect(place))
        if fault == "not-found":
            assert get(server, "/away").status_code == 404
        else:
            assert fault_of(server, "/away")[0] == fault
        assert other.connections == 0


@pytest.mark.fault(21)
def test_redirects_are_followed_up_to_a_number(server):
    for number in range(5):
        server.script(f"/{number}", faults.redirect(f"/{number + 1}"))
    server.put("/5", b"here")
    assert get(server, "/0").content == b"here"
    assert fault_of(server, "/0", max_redirects=4)[0] == "redirect-loop"


@pytest.mark.fault(41, 43)
def test_a_redirect_to_another_host_carries_no_secret(server):
    with FaultServer() as other:
        other.put("/b.json", b"{}")
        server.script("/away", faults.redirect(f"{other.url}/b.json"))
        server.script("/back", faults.redirect("/a.json"))
        access = server.access(private_hosts=(f"127.0.0.1:{other.port}",))
        with open_session(access) as session:
            session.headers["X-Api-Key"] = CANARY
            session.get(f"{server.url}/away?sig={CANARY}", headers={"Authorization": f"Bearer {CANARY}"})
            session.get(f"{server.url}/back", headers={"Authorization": f"Bearer {CANARY}"})
            server.script("/away", faults.redirect(f"{other.url}/b.json", 307))
            with pytest.raises(FetchError, match="redirects"):
                session.post(f"{server.url}/away", json={"token": CANARY})
    (hit,) = other.hits
    assert CANARY not in f"{hit.query}{dict(hit.headers)}{hit.body}"
    assert server.hits_of("/a.json")[0].headers["authorization"] == f"Bearer {CANARY}"


def test_cookies_and_passwords_of_the_machine_are_not_sent(server, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.script("/a.json", faults.status(200, Set_Cookie=f"session={CANARY}"))
    with open_session(server.access()) as session:
        session.get(f"{server.url}/a.json")
        session.get(f"{server.url}/a.json")
    assert all("cookie" not in hit.headers and "authorization" not in hit.headers for hit in server.hits)


def test_proxies_of_the_environment_are_used_if_asked_for_only(server, monkeypatch):
    with FaultServer() as proxy:
        proxy.put("http://images.example.org/a.json", b'{"by": "proxy"}')
        monkeypatch.setenv("http_proxy", proxy.url)
        assert get(server).json() == {"a": 1}
        assert proxy.hits == []
        with open_session(server.access(use_proxy=True)) as session:
            assert session.get("http://images.example.org/a.json").json() == {"by": "proxy"}
            with pytest.raises(FetchError, match="private"):
                session.get("http://169.254.169.254/a.json")
    assert len(proxy.hits) == 1


@pytest.mark.fault(20)
@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(server, code):
    server.script("/a.json", faults.status(code, 2))
    assert get(server).json() == {"a": 1}
    assert len(server.hits) == 3


@pytest.mark.fault(20)
def test_attempts_have_an_end(server):
    server.script("/a.json", faults.status(503, ALWAYS))
    assert get(server).status_code == 503
    assert len(server.hits) == 3


@pytest.mark.fault(20)
def test_other_failures_are_not_tried_again(server):
    server.script("/a.json", faults.status(400, ALWAYS))
    assert get(server).status_code == 400
    assert len(server.hits) == 1


@pytest.mark.fault(20)
def test_a_post_is_tried_again_with_its_body(server):
    server.script("/search", faults.status(503), faults.status(200, body=b"{}"))
    with open_session(server.access()) as session:
        assert session.post(f"{server.url}/search", json={"limit": 1}).ok
    assert [hit.body for hit in server.hits] == [b'{"limit": 1}'] * 2


@pytest.mark.fault(20)
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_heeded_up_to_a_limit(server, monkeypatch, form):
    waits = []
    monkeypatch.setattr("kpgeo.wire.session.time.sleep", waits.append)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3600)
    asked = "3600" if form == "seconds" else email.utils.format_datetime(later, usegmt=True)
    server.script("/a.json", faults.busy(retry_after=asked), faults.busy(retry_after="soon"))
    assert get(server, max_wait_s=0.25, request_deadline_s=30.0).ok
    assert waits[0] == 0.25
    assert 0.0 < waits[1] < 0.25


@pytest.mark.fault(20)
def test_no_pause_goes_beyond_the_deadline(server):
    server.script("/a.json", faults.busy(ALWAYS, retry_after="60"))
    begin = time.monotonic()
    assert get(server, max_wait_s=30.0, request_deadline_s=1.0).status_code == 429
    assert time.monotonic() - begin < 5.0
    assert len(server.hits) == 1


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (faults.hang(30.0, ALWAYS), "timed-out"),
        (faults.drip(0.2), "timed-out"),
        (faults.drip_headers(0.2), "timed-out"),
        (faults.reset(3, ALWAYS), "reset"),
        (faults.short(3, ALWAYS), "short-body"),
    ],
)
def test_every_wait_ends(server, step, fault):
    server.script("/a.json", step)
    found, seconds = fault_of(server, request_attempts=2, request_deadline_s=1.5, http_timeout_s=1.0)
    assert found == fault
    assert seconds < 10.0


@pytest.mark.fault(21)
def test_a_body_that_comes_too_slowly_is_given_up_before_its_time_is_over(server):
    server.script("/a.json", faults.drip(0.05))
    found, seconds = fault_of(server, request_attempts=1, http_timeout_s=60.0, request_deadline_s=60.0, silence_s=0.3)
    assert found == "timed-out"
    assert seconds < 20.0


@pytest.mark.fault(21)
def test_a_streamed_body_has_a_deadline_too(server):
    server.script("/a.json", faults.drip(0.2))
    with open_session(server.access(http_timeout_s=0.6)) as session:
        answer = session.get(f"{server.url}/a.json", stream=True)
        with pytest.raises(requests.ConnectionError, match="timed out"):
            answer.content  # noqa: B018 - it is read here


@pytest.mark.fault(21)
def test_a_connection_that_broke_is_made_anew(server):
    server.script("/a.json", faults.reset(3), faults.short(3), faults.serve())
    assert get(server).json() == {"a": 1}


def test_a_slow_answer_does_not_shorten_the_next(server):
    with open_session(server.access()) as session:
        for _ in range(3):
            assert session.get(f"{server.url}/a.json").ok
    assert server.connections == 1


@pytest.mark.fault(20)
@pytest.mark.parametrize("is_announced", [True, False])
def test_an_answer_beyond_all_measure_is_not_read(server, is_announced):
    content = b"x" * (2 * 2**20)
    if is_announced:
        server.put("/a.json", content)
    else:
        server.script("/a.json", faults.Step(_unannounced(content), ALWAYS))
    assert fault_of(server, max_document_mib=1)[0] == "too-large"


def _unannounced(content):
    def act(answerer, _):
        answerer.hang_up()
        answerer.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + content)

    return act


@pytest.mark.fault(23)
def test_a_host_that_is_not_there(server):
    port = free_port()
    access = Access(options=server.access().options, trusted_hosts=frozenset({"127.0.0.1"}))
    with open_session(access) as session, pytest.raises(FetchError) as caught:
        session.get(f"http://127.0.0.1:{port}/a.json")
    assert (caught.value.fault, caught.value.exit_code, caught.value.is_passing) == ("unreachable", 4, True)


@pytest.mark.fault(23)
def test_a_name_that_does_not_resolve(server, monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    with open_session(server.access()) as session, pytest.raises(FetchError) as caught:
        session.get("http://nowhere.example.org/")
    assert (caught.value.fault, caught.value.where) == ("dns-failed", "nowhere.example.org")


@pytest.mark.fault(23)
def test_a_resolver_that_hangs_does_not_hold_us(server, monkeypatch):
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: time.sleep(0.8) or [])
    begin = time.monotonic()
    options = server.access(connect_timeout_s=0.2, request_attempts=1).options
    with open_session(Access(options=options)) as session, pytest.raises(FetchError) as caught:
        session.get("http://slow.example.org/")
    assert caught.value.fault == "timed-out"
    assert time.monotonic() - begin < 0.8
    time.sleep(0.8)


@pytest.mark.fault(23)
def test_what_is_no_tls_fails_as_tls(server):
    with open_session(server.access()) as session, pytest.raises(FetchError) as caught:
        session.get(f"{server.url.replace('http:', 'https:')}/a.json")
    assert (caught.value.fault, caught.value.is_passing) == ("tls-failed", False)
    assert server.hits == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for images.example.org, and the context of a server that has it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
         "-subj", "/CN=images.example.org", "-addext", "subjectAltName=DNS:images.example.org"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


@pytest.mark.fault(23, 41)
def test_the_certificate_is_that_of_the_name_though_the_address_is_connected_to(certificate, monkeypatch):
    cert, context = certificate
    with FaultServer(tls=context) as server:
        server.put("/a.json", b"{}")
        resolver(monkeypatch, "127.0.0.1")
        hosts = (f"images.example.org:{server.port}", f"other.example.org:{server.port}")
        access = server.access(ca_file=str(cert), private_hosts=hosts)
        with open_session(access) as session:
            assert session.get(f"https://images.example.org:{server.port}/a.json").ok
            with pytest.raises(FetchError) as caught:
                session.get(f"https://other.example.org:{server.port}/a.json")
        assert caught.value.fault == "tls-failed"
        with open_session(server.access(private_hosts=hosts)) as session, pytest.raises(FetchError) as caught:
            session.get(f"https://images.example.org:{server.port}/a.json")
        assert caught.value.fault == "tls-failed"
        server.script("/down", faults.redirect("http://images.example.org/a.json"))
        with open_session(access) as session, pytest.raises(FetchError) as caught:
            session.get(f"https://images.example.org:{server.port}/down")
        assert caught.value.fault == "redirect-refused"


@pytest.mark.fault(43)
def test_no_secret_is_in_errors_and_logs(server, caplog):
    caplog.set_level(logging.DEBUG)
    query = f"sv=1&sig={CANARY}&X-Amz-Signature={CANARY}&token={CANARY}"
    server.script("/a.json", faults.status(503), faults.reset(2), faults.status(404))
    get(server, f"/a.json?{query}")
    server.script("/a.json", faults.hang(9.0, ALWAYS))
    with pytest.raises(FetchError) as caught, open_session(server.access(silence_s=0.2)) as session:
        session.get(f"{server.url}/a.json?{query}", headers={"Authorization": f"Bearer {CANARY}"})
    logging.getLogger("kpgeo").error("failed", exc_info=caught.value)
    assert "a.json" in caplog.text, "the libraries logged nothing, so the test shows nothing"
    assert CANARY not in caplog.text
    assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
