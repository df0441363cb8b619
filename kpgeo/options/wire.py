"""Options of the network: how long is waited, how often is tried, how much is kept. None of them moves a number."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class WireOptions(StageOptions):
    """Options of the network and of reading files through it."""

    connect_timeout_s: float = Field(
        default=10.0, gt=0.0, le=600.0, description="Time allowed to look up a host's name, and to connect (s)."
    )
    silence_s: float = Field(
        default=20.0, gt=0.0, le=600.0, description="A connection on which nothing comes for so long is given up (s)."
    )
    http_timeout_s: float = Field(
        default=60.0, gt=0.0, le=3600.0, description="Time allowed for one http request, its body included (s)."
    )
    min_rate_bytes_s: float = Field(
        default=1000.0,
        ge=0.0,
        description="A body that has come slower than this since its first byte is given up, once silence_s are over.",
    )
    request_attempts: int = Field(
        default=5, ge=1, le=20, description="Times one request is sent: after lost connections, 429 and 5xx answers."
    )
    request_deadline_s: float = Field(
        default=180.0, gt=0.0, le=86_400.0, description="Time allowed for one request with all its attempts (s)."
    )
    first_wait_s: float = Field(
        default=0.5,
        ge=0.0,
        le=60.0,
        description="Pause before the second attempt; it doubles from one to the next (s).",
    )
    max_wait_s: float = Field(
        default=30.0, ge=0.0, le=3600.0, description="Longest pause, also where a server asks for a longer one (s)."
    )
    max_redirects: int = Field(default=5, ge=0, le=20, description="Redirects that are followed for one request.")
    max_document_mib: int = Field(
        default=64, ge=1, le=1024, description="Catalogue answers larger than this are not read (MiB)."
    )
    in_flight: int = Field(default=32, ge=1, le=256, description="Requests under way at the same time, in one process.")
    coalesce_gap_kib: int = Field(
        default=128,
        ge=0,
        le=16_384,
        description="Parts of a file no farther apart than this are asked for as one (KiB).",
    )
    max_request_mib: int = Field(
        default=8, ge=1, le=256, description="Parts are not joined to a request larger than this (MiB)."
    )
    whole_file_mib: int = Field(
        default=512,
        ge=0,
        le=65_536,
        description="Where a server gives no parts of files, files up to this size are fetched whole (MiB).",
    )
    identity_s: float = Field(
        default=600.0,
        ge=0.0,
        le=86_400.0,
        description="Time for which a file's size and version are taken to be what they were (s).",
    )
    cache_gib: float = Field(
        default=10.0, ge=0.0, le=10_000.0, description="What the cache of file parts may hold (GiB); 0 is no cache."
    )
    cache_folder: str = Field(
        default="",
        description="Folder of the cache; empty is that of the environment (KPGEO_CACHE), or the user's own.",
    )
    cache_free_gib: float = Field(
        default=2.0,
        ge=0.0,
        le=10_000.0,
        description="Nothing is put into the cache while the disk has less left (GiB).",
    )
    use_proxy: bool = Field(
        default=False,
        description="Go through the proxies of the environment. The proxy then resolves names, so that no address can "
        "be checked before it is connected to.",
    )
    ca_file: str = Field(
        default="", description="Certificates of authorities to trust, as a PEM file; empty is those of certifi."
    )
    private_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts (host or host:port) that may be private, beside those of the catalogues named."
    )
    read_threads: int = Field(default=4, ge=1, le=32, description="Files of one scene read at the same time.")
    ahead_mb: int = Field(
        default=256,
        ge=1,
        le=65_536,
        description="Memory for scenes that are read ahead of the one that is put into the cube (MB).",
    )
    read_attempts: int = Field(default=3, ge=1, le=10, description="Times a file over http is tried.")
    scene_deadline_s: float = Field(
        default=300.0, gt=0.0, le=86_400.0, description="Time after which no further attempt at a scene begins (s)."
    )
    token_url: str = Field(
        default="https://{provider}/api/sas/v1/token/{collection}",
        pattern=r"^https?://[^\s]+$",
        description="Where read tokens of a signed catalogue come from.",
    )
    token_hosts: tuple[str, ...] = Field(
        default=(".blob.core.windows.net",), description="Hosts (or ends of their names) that are sent a token."
    )
    s3_buckets: tuple[str, ...] = Field(
        default=("eodata",), description="Buckets of the S3 service whose keys are in the environment."
    )
    s3_url: str = Field(
        default="https://eodata.dataspace.copernicus.eu",
        pattern=r"^https?://[^\s/?#]+$",
        description="The S3 service of these buckets (Copernicus Data Space).",
    )
    s3_in_flight: int = Field(
        default=4, ge=1, le=256, description="Requests to it under way at the same time; Copernicus allows 4 a user."
    )
    s3_region: str = Field(default="default", pattern=r"^[a-z0-9-]+$", description="The region signed for.")
