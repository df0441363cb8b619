"""Options of delivery."""

from typing import Self

from pydantic import Field, model_validator

from kpgeo.options.base import StageOptions


class DeliverOptions(StageOptions):
    """Options of delivery. Who is told what stands in a file of its own, which `subscribers` names."""

    enabled: bool = Field(default=True, description="Deliver what waits in the outbox at the end of a run.")
    folder: str = Field(
        default="outbox",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
        description="Folder below the workspace's products/ that alerts are put into.",
    )
    with_digest: bool = Field(default=True, description="Also write a digest.md that a person can read, newest first.")
    subscribers: str = Field(
        default="", max_length=1000, description="File of who is told what, and how (TOML); empty is nobody."
    )
    page_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s<>\"']{1,500})?$",
        description="Where kpgeo's page is shown, for links in messages, such as https://kpgeo.example.org.",
    )
    old_news_days: int = Field(
        default=30,
        ge=0,
        le=3660,
        description="What happened so many days before a new subscriber came, or before what he was told last, is old.",
    )
    top_sites: int = Field(default=5, ge=1, le=20, description="Sites that a message shows in full.")
    picture_sites: int = Field(default=5, ge=0, le=20, description="Sites of those that are shown with pictures.")
    picture_kb: int = Field(default=15, ge=4, le=200, description="Largest size of one picture (kB).")
    listed_sites: int = Field(default=40, ge=0, le=1000, description="Further sites that a message lists by a line.")
    unseen_frac: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Where less of an area's land was seen lately, a week without news is told as not seen.",
    )
    feed_entries: int = Field(default=50, ge=1, le=1000, description="Entries that an Atom feed keeps.")
    first_retry_s: float = Field(
        default=300.0, gt=0.0, le=86_400.0, description="Pause after the first attempt that failed; it doubles (s)."
    )
    max_retry_s: float = Field(
        default=43_200.0, gt=0.0, le=604_800.0, description="Longest pause between two attempts (s)."
    )
    give_up_attempts: int = Field(default=60, ge=1, le=10_000, description="Attempts after which one is given up.")
    give_up_days: float = Field(
        default=14.0, gt=0.0, le=365.0, description="Days after which one that cannot be delivered is given up."
    )
    send_timeout_s: float = Field(
        default=30.0, gt=0.0, le=600.0, description="Time allowed for one message to one receiver, all in all (s)."
    )

    @model_validator(mode="after")
    def _pauses_grow(self) -> Self:
        if self.first_retry_s > self.max_retry_s:
            raise ValueError("first_retry_s must not be more than max_retry_s")
        return self
