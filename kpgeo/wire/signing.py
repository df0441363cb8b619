"""Addresses of S3 objects, signed with a key (AWS Signature Version 4, in the query).

Source: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3 API Reference. Signing
here keeps the secret key in this process: what travels is an address that holds for a while.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, kw_only=True)
class S3Key:
    """A key of an S3 service. Its secret is not shown."""

    access: str
    secret: str = field(repr=False)
    region: str


def presign(url: str, key: S3Key, moment: dt.datetime, lifetime_s: int) -> str:
    """Return an address that may be read with GET until its lifetime is over.

    Parameters
    ----------
    url : str
        `https://<service>/<bucket>/<object>`, or with the bucket in the host; without a query, percent-encoded.
    moment : datetime
        From when on, in UTC.
    lifetime_s : int
        Seconds, at most 604,800.
    """
    parts = urlsplit(url)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{key.region}/s3/aws4_request"
    query = "&".join(
        f"{name}={quote(value, safe='-_.~')}"
        for name, value in (
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{key.access}/{scope}"),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", str(lifetime_s)),
            ("X-Amz-SignedHeaders", "host"),
        )
    )
    request = "\n".join(("GET", parts.path, query, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"))
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signing = f"AWS4{key.secret}".encode()
    for word in scope.split("/"):
        signing = hmac.digest(signing, word.encode(), "sha256")
    return f"{url}?{query}&X-Amz-Signature={hmac.digest(signing, text.encode(), 'sha256').hex()}"
