"""Secrets in text: signatures, tokens and passwords never reach a message, a log or a file.

What is secret is known by its name (`sig`, `token`, `X-Amz-Signature`, ...), not by its value: a value may have come
from a server and be new to us.
"""

import logging
import re
import traceback
from urllib.parse import unquote, urlsplit, urlunsplit

_NAMES = (
    r"sig|signature|token|access[_-]?token|refresh[_-]?token|id[_-]?token|api[_-]?key|apikey|subscription-key|password|"
    r"passwd|secret|client[_-]?secret|key-pair-id|awsaccesskeyid|x-amz-[a-z-]+|x-goog-[a-z-]+|"
    r"skoid|sktid|ske|sks|skt|skv"
)
# name=value in a query, also behind &amp; or percent-encoded; "name": "value" in JSON; name: value in headers.
_IN_QUERY = re.compile(rf"((?:[?&;]|%3f|%26|\b)(?:{_NAMES})(?:=|%3d))[^&\s'\"<>;,)\]}}]+", re.IGNORECASE)
_IN_JSON = re.compile(
    rf"""(["'](?:{_NAMES}|authorization|cookie)["']\s*:\s*["'])[^"']+""",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^\r\n'\"]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^/\s@'\"]+@")
# What stands beside a signature and changes with it: of Azure, of CloudFront, of the older kind of S3 and Google.
_COMPANIONS = frozenset({
    "sv", "st", "se", "sr", "sp", "ss", "srt", "sip", "spr", "sdd", "saoid", "suoid", "scid", "ses", "sduoid",
    "expires", "policy", "googleaccessid",
})  # fmt: skip
_SIGNED = re.compile(rf"^(?:{_NAMES})$", re.IGNORECASE)
_LOGGERS = (
    "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.poolmanager", "urllib3.response",
    "requests", "requests.sessions", "requests.adapters",
    "pystac_client", "pystac_client.client", "pystac_client.stac_api_io", "pystac_client.item_search",
    "rasterio._env", "rasterio._io", "rasterio._base", "rasterio._err", "rasterio._warp", "rasterio._vsiopener",
    "rasterio._filepath",
)  # fmt: skip


def redact(text: str) -> str:
    """Return a text without signatures, tokens, keys, passwords and user names of addresses.

    >>> redact("GET https://me:pw@a.org/b.tif?se=2024&sig=abc%2F&v=2 failed")
    'GET https://...@a.org/b.tif?se=2024&sig=...&v=2 failed'
    >>> redact('{"token": "abc"}'), redact("Authorization: Bearer abc")
    ('{"token": "..."}', 'Authorization: ...')
    """
    text = _USERINFO.sub(r"\1...@", text)
    text = _IN_QUERY.sub(r"\1...", text)
    text = _IN_JSON.sub(r"\1...", text)
    text = _IN_HEADER.sub(r"\1\2...", text)
    return _BEARER.sub(r"\1 ...", text)


def unsign(url: str) -> str:
    """Return an address without a signature and what belongs to it, and without fragment and user.

    What else the query says stays: it may say which file is meant.

    >>> unsign("https://a.org/b.tif?sv=1&se=2&sig=abc"), unsign("https://a.org/b?file=c&sig=abc")
    ('https://a.org/b.tif', 'https://a.org/b?file=c')
    >>> unsign("https://a.org/b.tif?se=2#x")
    'https://a.org/b.tif?se=2'
    """
    parts = urlsplit(url)
    said = [word for word in parts.query.split("&") if word]
    names = [unquote(word.partition("=")[0]).lower() for word in said]
    if any(_SIGNED.match(name) for name in names):
        said = [word for word, name in zip(said, names, strict=True) if not _is_of_signature(name)]
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "&".join(said), ""))


def _is_of_signature(name: str) -> bool:
    return bool(_SIGNED.match(name)) or name in _COMPANIONS


class NoSecrets(logging.Filter):
    """Keeps secrets out of what is logged, messages and tracebacks alike."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record, and let it pass."""
        text = record.getMessage()
        clean = redact(text)
        if clean != text:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            clean = redact(told)
            if clean != told:
                record.exc_text, record.exc_info = clean, None
        return True


def silence_secrets() -> None:
    """Put the filter on the loggers of the libraries that see signed addresses. Once is enough."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, NoSecrets) for one in logger.filters):
            logger.addFilter(NoSecrets())
