"""The file of subscribers: who is told what, in which language, how often, and by which channel."""

import datetime as dt
import os
import re
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from kpgeo.model.alert import MachineState, Question
from kpgeo.model.aoi import Language
from kpgeo.model.delivery import Frequency
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest

_FROZEN = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # what was written may be a secret
_MAX_BYTES = 1024 * 1024
_MAX_SECRET_BYTES = 4096
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


def _is_address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or ".." in text:
        raise ValueError("must be one plain e-mail address, such as analyst@example.org")
    return text


def _is_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be a time zone of the IANA list, such as Africa/Abidjan") from error
    return text


def _is_plain(text: str) -> str:
    if any(not char.isprintable() for char in text):
        raise ValueError("must be one line of plain text")
    return text


Address = Annotated[str, Field(max_length=254), AfterValidator(_is_address)]
Zone = Annotated[str, AfterValidator(_is_zone)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_is_plain)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]


class SecretPlace(BaseModel):
    """Where a secret is: a variable of the environment, or a file. The secret itself never stands in the file."""

    model_config = _FROZEN

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] | None = None
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is named by env or by file, one of them")
        return self

    def read(self, folder: Path) -> str:
        """Return the secret.

        Raises
        ------
        BadInputError
            It is not there. The message names the place, never what is in it.
        """
        where = f"environment, {self.env}" if self.env else f"{self.file}"
        try:
            text = os.environ[self.env] if self.env else _read_small(folder / str(self.file))
        except (KeyError, OSError, UnicodeDecodeError):
            raise BadInputError("The secret is not there.", where=where, remedy="Set it before delivering.") from None
        if not text.strip():
            raise BadInputError("The secret is empty.", where=where, remedy="Set it before delivering.")
        return text.strip()


class MailServer(BaseModel):
    """The server that takes e-mail from kpgeo."""

    model_config = _FROZEN

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,255}$")]
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Address
    sender_name: Line = "kpgeo"
    reply_to: Address | None = None
    unsubscribe: Annotated[str, Field(pattern=r"^(mailto:|https://)[^\s<>,]{1,500}$")] | None = None
    user: SecretPlace | None = None
    password: SecretPlace | None = None

    @model_validator(mode="after")
    def _keeps_secrets(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.user is not None and self.security == "none":
            raise ValueError("a password is only sent over starttls or tls")
        return self


class Webhook(BaseModel):
    """An address that is told by an HTTP request. Several secrets are several signatures: so a key is changed."""

    model_config = _FROZEN

    url: Annotated[str, Field(pattern=r"^https?://[^\s<>\"'@]{1,2000}$")]
    secrets: tuple[SecretPlace, ...] = Field(min_length=1, max_length=4)

    @property
    def key(self) -> str:
        """Return what names it in the tables: its host, and a digest of the address, which may itself be a secret."""
        return f"{urlsplit(self.url).hostname}-{digest(self.url)[:8]}"


class Quiet(BaseModel):
    """Hours of the day, by the subscriber's clock, in which no message is sent; they may pass midnight."""

    model_config = _FROZEN

    start: Annotated[str, Field(pattern=_CLOCK)]
    end: Annotated[str, Field(pattern=_CLOCK)]

    def holds(self, clock: dt.time) -> bool:
        """Say whether a time of day is quiet.

        >>> night = Quiet(start="21:00", end="06:30")
        >>> night.holds(dt.time(23)), night.holds(dt.time(6, 29)), night.holds(dt.time(6, 30))
        (True, True, False)
        """
        start, end = dt.time.fromisoformat(self.start), dt.time.fromisoformat(self.end)
        return start <= clock < end if start <= end else clock >= start or clock < end


class Subscriber(BaseModel):
    """One person or system that is told."""

    model_config = _FROZEN

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    language: Language = "en"
    audience: Literal["kp-only"] = "kp-only"
    aois: tuple[str, ...] = ()
    email: tuple[Address, ...] = ()
    webhook: tuple[Webhook, ...] = ()
    atom: Name | None = None
    folder: Name | None = None
    frequency: Frequency = Frequency.EACH_RUN
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    hour: int = Field(default=7, ge=0, le=23)
    time_zone: Zone = "UTC"
    quiet: Quiet | None = None
    min_area_ha: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    states: tuple[Literal[MachineState.PROVISIONAL, MachineState.CONFIRMED], ...] = ()
    questions: tuple[Question, ...] = ()
    alarms: bool = False

    @model_validator(mode="after")
    def _has_channel(self) -> Self:
        if not (self.email or self.webhook or self.atom or self.folder):
            raise ValueError("a subscriber needs a channel: email, webhook, atom or folder")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("a channel is named twice")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels by the names they have in the tables, such as `email:analyst@example.org`."""
        named = [f"email:{address}" for address in self.email]
        named += [f"webhook:{hook.key}" for hook in self.webhook]
        named += [f"atom:{self.atom}"] if self.atom else []
        return (*named, *([f"folder:{self.folder}"] if self.folder else []))

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """Return the subscriber's time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def weekday_number(self) -> int:
        """Return the day of weekly messages, Monday 0."""
        return _WEEKDAYS.index(self.weekday)

    def hook(self, channel: str) -> Webhook | None:
        """Return the webhook of a channel's name."""
        return next((hook for hook in self.webhook if f"webhook:{hook.key}" == channel), None)


class Subscribers(BaseModel):
    """The file of subscribers, checked. Relative paths in it are relative to the file."""

    model_config = _FROZEN

    mail: MailServer | None = None
    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,250}$")] = "kpgeo.invalid"
    subscriber: tuple[Subscriber, ...] = ()
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ids = [one.id for one in self.subscriber]
        if len(set(ids)) < len(ids):
            raise ValueError("two subscribers have one id")
        if self.mail is None and any(one.email for one in self.subscriber):
            raise ValueError("email needs the server that takes it: [mail]")
        places = [name for one in self.subscriber for name in one.channels if name.startswith(("atom:", "folder:"))]
        if len(set(places)) < len(places):
            raise ValueError("two subscribers share a feed or a folder")
        return self

    @classmethod
    def read(cls, path: Path) -> "Subscribers":
        """Read and check a file of subscribers.

        Raises
        ------
        BadInputError
            The file is missing, is not TOML, or breaks the schema; the message names the field.
        """
        try:
            content = tomllib.loads(_read_small(path, _MAX_BYTES))
        except OSError as error:
            raise BadInputError(
                f"The file of subscribers cannot be read ({error.strerror}).", where=str(path)
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInputError(f"The file of subscribers is not TOML ({error}).", where=str(path)) from error
        if "folder" in content:
            raise BadInputError("Unknown field 'folder'.", where=str(path))
        try:
            return cls.model_validate({**content, "folder": path.resolve().parent})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "file"
            raise BadInputError(
                f"{field}: {first['msg'].removeprefix('Value error, ')}.",
                where=str(path),
                remedy="See docs/reference/delivery.md for the fields.",
            ) from error

    def find(self, subscriber_id: str) -> Subscriber | None:
        """Return a subscriber."""
        return next((one for one in self.subscriber if one.id == subscriber_id), None)


def _read_small(path: Path, limit_bytes: int = _MAX_SECRET_BYTES) -> str:
    with path.open("rb") as stream:
        raw = stream.read(limit_bytes + 1)
    if len(raw) > limit_bytes:
        raise OSError(27, f"larger than {limit_bytes:,} bytes")
    return raw.decode("utf-8")
