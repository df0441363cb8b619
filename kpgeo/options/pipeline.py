"""The pipeline file: which AOIs, which catalogues, which history, which options."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kpgeo.model.errors import BadInputError
from kpgeo.options.alerts import AlertOptions
from kpgeo.options.brief import BriefOptions
from kpgeo.options.calibrate import CalibrateOptions
from kpgeo.options.catalog import CatalogSource
from kpgeo.options.compute import ComputeOptions
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.detect import DetectOptions
from kpgeo.options.evidence import EvidenceOptions
from kpgeo.options.features import FeatureOptions
from kpgeo.options.ingest import IngestOptions
from kpgeo.options.misfit import MisfitOptions
from kpgeo.options.prior import PriorOptions
from kpgeo.options.production import ProductionOptions
from kpgeo.options.schedule import ScheduleOptions
from kpgeo.options.sites import SiteOptions
from kpgeo.options.wire import WireOptions

__all__ = ["CatalogSource", "History", "Pipeline"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # what was written may be a secret
_MAX_BYTES = 1024 * 1024


class History(BaseModel):
    """What the baseline learns from. Monitoring begins at `end`."""

    model_config = _FROZEN

    start: dt.date
    end: dt.date
    refit_years: int = Field(
        default=1,
        ge=0,
        le=10,
        description="Learn the baseline anew every so many years, from as long a time as the history; 0 is never.",
    )

    @model_validator(mode="after")
    def _has_a_year(self) -> Self:
        if (self.end - self.start).days < 300:
            raise ValueError("history must span at least 300 days: a season cannot be learnt from less")
        return self


class Pipeline(BaseModel):
    """A pipeline file, checked. Relative paths in it are relative to the file."""

    model_config = _FROZEN

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    aois: tuple[str, ...] = Field(min_length=1)
    workspace: str = "workspace"
    database: str = Field(
        default="",
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|postgres(ql)?(\+[a-z]+)?://[^\s]+)?$",
        description="Where the tables are, if not in the workspace: an address without a password, or env:NAME.",
    )
    catalog: tuple[CatalogSource, ...] = Field(min_length=1)
    history: History
    wire: WireOptions = WireOptions()
    ingest: IngestOptions = IngestOptions()
    features: FeatureOptions = FeatureOptions()
    misfit: MisfitOptions = MisfitOptions()
    detect: DetectOptions = DetectOptions()
    prior: PriorOptions = PriorOptions()
    calibrate: CalibrateOptions = CalibrateOptions()
    sites: SiteOptions = SiteOptions()
    production: ProductionOptions = ProductionOptions()
    alerts: AlertOptions = AlertOptions()
    brief: BriefOptions = BriefOptions()
    evidence: EvidenceOptions = EvidenceOptions()
    deliver: DeliverOptions = DeliverOptions()
    compute: ComputeOptions = ComputeOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    folder: str = Field(default=".", exclude=True, description="The folder the file lies in.")

    @model_validator(mode="after")
    def _tells_no_password(self) -> Self:
        parts = urlsplit(self.database)
        if parts.password or "password" in parts.query.lower():
            raise ValueError('database: an address holds no password: write database = "env:KPGEO_DATABASE_URL"')
        return self

    @classmethod
    def read(cls, path: Path) -> "Pipeline":
        """Read and check a pipeline file.

        Raises
        ------
        BadInputError
            The file is missing, is not TOML, or breaks the schema; the message names the field.
        """
        try:
            with path.open("rb") as stream:
                content = tomllib.load(stream)
        except OSError as error:
            raise BadInputError(f"The pipeline file cannot be read ({error.strerror}).", where=str(path)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInputError(f"The pipeline file is not TOML ({error}).", where=str(path)) from error
        if "folder" in content:
            raise BadInputError("Unknown field 'folder'.", where=str(path))
        try:
            return cls.model_validate(_with_classes(content, path.resolve().parent))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise BadInputError(f"{field}: {first['msg'].removeprefix('Value error, ')}.", where=str(path)) from error

    def path(self, text: str) -> Path:
        """Return a path of the file, taken relative to the file's folder."""
        return Path(self.folder) / text


def _with_classes(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of a pipeline file with its folder, and with the text of the class library it names.

    A run goes by what the library says as it begins: workers may not see the file, and it may change meanwhile.
    """
    detect = content.get("detect")
    if not isinstance(detect, dict):
        return {**content, "folder": str(folder)}
    if "classes_text" in detect:
        raise BadInputError("Unknown field 'detect.classes_text'.", where=str(folder), remedy="Write classes = a path.")
    named = detect.get("classes")
    if not isinstance(named, str) or not named:
        return {**content, "folder": str(folder)}
    return {**content, "folder": str(folder), "detect": {**detect, "classes_text": _read_text(folder / named)}}


def _read_text(path: Path) -> str:
    """Read a text file of bounded size."""
    where = f"detect.classes, {path}"
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise BadInputError(f"The class library is larger than {_MAX_BYTES:,} bytes.", where=where)
        text = raw.decode("utf-8")
    except OSError as error:
        raise BadInputError(
            f"The class library cannot be read ({error.strerror}).",
            where=where,
            remedy="Give its path relative to the pipeline file, or leave the field out.",
        ) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise BadInputError("The class library is not a UTF-8 text file.", where=where) from error
    if not text.strip():
        raise BadInputError("The class library is empty.", where=where)
    return text
