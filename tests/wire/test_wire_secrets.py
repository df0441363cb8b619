"""Secrets: signed as published, and kept out of every text."""

import datetime as dt
import logging

import pytest

from kpgeo.wire import S3Key, presign, redact, silence_secrets, unsign

CANARY = "CANARYSECRET"


@pytest.mark.fault(43)
def test_an_address_is_signed_as_amazon_published():
    """The example of "Authenticating Requests: Using Query Parameters", Amazon S3 API Reference."""
    key = S3Key(access="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1")
    moment = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
    assert presign("https://examplebucket.s3.amazonaws.com/test.txt", key, moment, 86_400) == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    assert "wJalr" not in repr(key)


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "text",
    [
        f"https://a.org/b.tif?sv=1&sig={CANARY}%2Fx",
        f"https://a.org/b.tif?SIG={CANARY}&se=2",
        f"GET /b.tif?X-Amz-Security-Token={CANARY}&X-Amz-Signature={CANARY} HTTP/1.1",
        f"https://user:{CANARY}@a.org/b.tif",
        f"https://{CANARY}@a.org/b.tif",
        f'{{"token": "{CANARY}", "msft:expiry": "2024"}}',
        f"{{'Authorization': 'Bearer {CANARY}'}}",
        f"Authorization: Bearer {CANARY}",
        f"authorization=Basic {CANARY}",
        f"Set-Cookie: session={CANARY}; Path=/",
        f"the url was https%3A%2F%2Fa.org%2Fb%3Fsig%3D{CANARY}",
        f"?subscription-key={CANARY}",
        f"&amp;sig={CANARY}",
        f"password={CANARY}",
        f"api_key={CANARY}",
        f"Max retries exceeded with url: /b?sig={CANARY} (Caused by X('/b?sig={CANARY}'))",
    ],
)
def test_no_secret_is_left_in_a_text(text):
    assert CANARY not in redact(text)
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.org/b.tif?version=2&page=3",
        "design=4 and signal=5 are no secrets",
        "127.0.0.1:8000/a.tif: 206",
        "scene S2A_MSIL2A_20240105T105431 at 12:00",
        "mail me@example.org",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@pytest.mark.fault(43)
@pytest.mark.parametrize("name", ["sig", "X-Amz-Signature", "x-goog-signature", "token", "access_token", "sktid"])
def test_a_signature_is_taken_off(name):
    assert unsign(f"https://me:pw@a.org/b.tif?se=1&{name}={CANARY}&expires=2#x") == "https://a.org/b.tif"
    assert unsign(f"https://a.org/b?file=c&{name}={CANARY}&v=1") == "https://a.org/b?file=c&v=1"
    assert unsign("https://a.org/b.tif?v=1") == "https://a.org/b.tif?v=1"


def _fail():
    raise ValueError(f"https://a.org/b?sig={CANARY}")


@pytest.mark.fault(43)
@pytest.mark.parametrize("name", ["urllib3.connectionpool", "pystac_client.stac_api_io", "rasterio._env"])
def test_libraries_log_no_secret(name, caplog):
    silence_secrets()
    logger = logging.getLogger(name)
    assert len(logger.filters) == len({type(one) for one in logger.filters})
    logger.warning('%s "GET %s"', "https://a.org", f"/b?sig={CANARY}")
    try:
        _fail()
    except ValueError:
        logger.exception("it failed")
    assert "it failed" in caplog.text
    assert "ValueError: https://a.org/b?sig=..." in caplog.text
    assert CANARY not in caplog.text
