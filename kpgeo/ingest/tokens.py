"""What some archives want before they give a file: read tokens (Planetary Computer), keys (Copernicus Data Space).

Files are signed when they are about to be read, never earlier, and no signature is stored with a scene. A token is kept
in memory until shortly before it ends, and appended to the hrefs of the provider's own storage hosts only: another host
that an item names never sees it. Keys are read from the environment and stay in this process: what travels is an
address that holds for an hour.
"""

import datetime as dt
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kpgeo.model.errors import SceneReadError
from kpgeo.wire import Access, FetchError, S3Key, presign, shared_session, trusted_by

ACCESS_KEY, SECRET_KEY = "CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY"
_MARGIN_S = 120.0
_LIFETIME_S = 3600
# A token this young was renewed by another thread, whose file failed at the same time.
_FRESH_S = 0.25
_lock = threading.Lock()
_tokens: dict[str, tuple[str, float, float]] = {}  # by address: token, when it ends, when it was asked for


def sign_item(item: Mapping[str, Any], provider: str, access: Access, *, renew: bool = False) -> dict[str, Any]:
    """Return a copy of a granule's item whose hrefs can be read now. An item that needs nothing is returned as it is.

    Parameters
    ----------
    item : mapping
        `Granule.item`; `kpgeo:sign` says whether its catalogue signs.
    provider : str
        `Granule.provider`, the catalogue's host.
    access : Access
    renew : bool
        Ask for a new token even if the last one should still hold.

    Raises
    ------
    SceneReadError
        `token-refused`: the provider gives no token. `keys-missing`: the environment holds no keys of the archive.
    """
    hrefs = {band: str(asset["href"]) for band, asset in item["assets"].items()}
    signed = {band: _s3_address(href, provider, access) for band, href in hrefs.items() if href.startswith("s3://")}
    asking = [band for band, href in hrefs.items() if item.get("kpgeo:sign") and _wants_token(href, access)]
    if asking:
        token = _token(provider, str(item.get("collection")), access, renew=renew)
        signed |= {band: f"{hrefs[band]}{'&' if '?' in hrefs[band] else '?'}{token}" for band in asking}
    if not signed:
        return dict(item)
    assets = {band: {**asset, "href": signed.get(band, hrefs[band])} for band, asset in item["assets"].items()}
    return {**item, "assets": assets}


def _wants_token(href: str, access: Access) -> bool:
    host = (urlsplit(href).hostname or "").lower()
    names = access.options.token_hosts
    return any(host == name or (name.startswith(".") and host.endswith(name)) for name in names)


def _token(provider: str, collection: str, access: Access, *, renew: bool) -> str:
    """Return a token, from memory while it holds. One thread asks, the others wait for its answer."""
    url = access.options.token_url.format(provider=provider, collection=quote(collection, safe=""))
    with _lock:
        token, end, since = _tokens.get(url, ("", 0.0, 0.0))
        is_old = time.monotonic() - since > _FRESH_S
        if (renew and is_old) or time.time() > end - _MARGIN_S:
            token, end = _ask(url, provider, access)
            _tokens[url] = (token, end, time.monotonic())
        return token


def _ask(url: str, provider: str, access: Access) -> tuple[str, float]:
    named = access.options.token_url.partition("/{")[0]
    if "{" not in named:  # the pipeline file itself says where tokens come from
        access = replace(access, trusted_hosts=access.trusted_hosts | trusted_by([named]))
    try:
        answer = shared_session(access).get(url)
        if not answer.ok:
            raise SceneReadError("token-refused", where=provider)
        body = answer.json()
        token, end = str(body["token"]), dt.datetime.fromisoformat(str(body["msft:expiry"])).timestamp()
    except FetchError as error:
        raise SceneReadError("token-refused", where=provider) from error
    except (ValueError, KeyError, TypeError):
        raise SceneReadError("token-refused", where=provider) from None
    return token.removeprefix("?"), end


def _s3_address(href: str, provider: str, access: Access) -> str:
    """Return the address of an S3 object, signed with the keys of the environment.

    Path-style, which Copernicus Data Space asks for: the service has no host for each bucket.
    """
    parts = urlsplit(href)
    if parts.netloc not in access.options.s3_buckets:
        raise SceneReadError(
            "keys-missing", where=provider, remedy=f"Name the bucket {parts.netloc} in wire.s3_buckets if it is yours."
        )
    keys = os.environ.get(ACCESS_KEY, ""), os.environ.get(SECRET_KEY, "")
    if not all(keys):
        raise SceneReadError(
            "keys-missing", where=provider, remedy=f"Put the archive's S3 keys into {ACCESS_KEY} and {SECRET_KEY}."
        )
    url = f"{access.options.s3_url}/{parts.netloc}{quote(unquote(parts.path), safe='/-_.~')}"
    key = S3Key(access=keys[0], secret=keys[1], region=access.options.s3_region)
    return presign(url, key, dt.datetime.now(dt.UTC), _LIFETIME_S)
