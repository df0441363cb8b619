"""Options of where and how wide the work runs."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class ComputeOptions(StageOptions):
    """Options of where and how wide the work runs. None of them moves a number."""

    cluster: str = Field(
        default="local",
        pattern=r"^(local|threads|sync|(tcp|tls|ucx|ws|wss)://[A-Za-z0-9._\[\]:-]+|[^\x00-\x1f:]{1,1000}\.json)$",
        description="local (processes on this machine), threads or sync (in this process), a scheduler's address "
        "(tls://host:8786, tcp://host:8786), or the scheduler file (.json) that it wrote.",
    )
    allow_public_tcp: bool = Field(
        default=False,
        description="Use a scheduler without encryption (tcp:// or ws://) at a public address. Whoever reaches it can "
        "run code here and on the workers.",
    )
    workers: int = Field(
        default=0, ge=0, le=1024, description="Workers of a local cluster; 0 is as many as cores and memory allow."
    )
    memory_per_worker_gib: float = Field(
        default=2.0, ge=0.25, le=1024.0, description="Memory a local worker may use before it is restarted, GiB."
    )
    in_flight: int = Field(
        default=0, ge=0, le=4096, description="Tiles under way at once; 0 is two a worker, so that none waits for work."
    )
    commit_tiles: int = Field(
        default=256,
        ge=1,
        le=1_000_000,
        description="Tiles after which a run commits what it has: one that is killed loses these at most.",
    )
    tile_retries: int = Field(
        default=2, ge=0, le=10, description="Times a tile whose worker died is tried again before it is given up."
    )
