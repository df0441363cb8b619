"""Options of delivery."""

from pydantic import Field

from kpgeo.options.base import StageOptions


class DeliverOptions(StageOptions):
    """Options of delivery."""

    enabled: bool = Field(default=True, description="Deliver what waits in the outbox at the end of a run.")
    folder: str = Field(
        default="outbox",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
        description="Folder below the workspace's products/ that alerts are put into.",
    )
    with_digest: bool = Field(default=True, description="Also write a digest.md that a person can read, newest first.")
