"""Read tokens of catalogues whose files need one (Planetary Computer). Tokens are never stored with a scene.

A token is asked for when a file is about to be read, kept in memory until shortly before it ends, and appended to the
hrefs of the provider's own storage hosts only: another host that an item names never sees it.
"""

import datetime as dt
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from kpgeo.model.errors import SceneReadError
from kpgeo.options.ingest import IngestOptions

_MARGIN_S = 120.0
_TIMEOUT_S = (10.0, 30.0)
_lock = threading.Lock()
_tokens: dict[str, tuple[str, float]] = {}


def sign_item(item: Mapping[str, Any], provider: str, options: IngestOptions, *, renew: bool = False) -> dict[str, Any]:
    """Return a copy of a granule's item whose hrefs can be read now. An item that needs no token is returned as it is.

    Parameters
    ----------
    item : mapping
        `Granule.item`; `kpgeo:sign` says whether its catalogue signs.
    provider : str
        `Granule.provider`, the catalogue's host.
    renew : bool
        Ask for a new token even if the last one should still hold.

    Raises
    ------
    SceneReadError
        The provider gives no token.
    """
    if not item.get("kpgeo:sign") or not any(_wants_token(asset["href"], options) for asset in item["assets"].values()):
        return dict(item)
    token = _token(provider, str(item.get("collection")), options, renew=renew)
    assets = {
        band: {**asset, "href": f"{asset['href']}?{token}"} if _wants_token(asset["href"], options) else asset
        for band, asset in item["assets"].items()
    }
    return {**item, "assets": assets}


def _wants_token(href: str, options: IngestOptions) -> bool:
    host = (urlsplit(href).hostname or "").lower()
    return any(host == name or (name.startswith(".") and host.endswith(name)) for name in options.token_hosts)


def _token(provider: str, collection: str, options: IngestOptions, *, renew: bool) -> str:
    """Return a token, from memory while it holds. One thread asks, the others wait for its answer."""
    url = options.token_url.format(provider=provider, collection=quote(collection, safe=""))
    with _lock:
        token, end = _tokens.get(url, ("", 0.0))
        if renew or time.time() > end - _MARGIN_S:
            token, end = _ask(url, provider)
            _tokens[url] = (token, end)
        return token


def _ask(url: str, provider: str) -> tuple[str, float]:
    try:
        answer = requests.get(url, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        body = answer.json()
        token, end = str(body["token"]), dt.datetime.fromisoformat(str(body["msft:expiry"])).timestamp()
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise SceneReadError("token-refused", where=provider) from error
    return token.removeprefix("?"), end
