"""Where scenes are looked for: a catalogue known by name, any STAC API, a static catalogue, or a folder of files."""

import re
import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpgeo.model.scene import Sensor

WHOLE_FOLDER = "."
_WEB = ("http://", "https://")
_SECRET = re.compile(r"sig|token|key|secret|passw|auth|credential|session", re.IGNORECASE)


@cache
def known_providers() -> dict[str, dict[str, Any]]:
    """Return the packaged presets by provider, as `providers.toml` has them: every fact with its source and mark."""
    text = files("kpgeo.options").joinpath("providers.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class CatalogSource(BaseModel):
    """One catalogue to search: a known provider, a STAC API, a static catalogue, or a folder of files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(default="", description="A catalogue kpgeo knows: its facts hold where no field says other.")
    url: str = Field(default="", description="A STAC API, or the address or path of a static catalog.json.")
    folder: str = Field(default="", description="A folder of GeoTIFFs or JPEG 2000s named as their makers name them.")
    collections: dict[Sensor, str] = Field(
        min_length=1, description="Collection id by sensor; of a folder, the folder within it."
    )
    sign: bool = Field(default=False, description="Ask the provider for read tokens (Planetary Computer).")
    max_cloud_frac: float = Field(
        default=0.95,
        ge=0.0,
        le=1.0,
        description="Granules cloudier than this (as the provider says, 0-1) are not read.",
    )
    deadline_s: float = Field(
        default=600.0, gt=0.0, le=86_400.0, description="Time allowed to search one collection (s)."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, content: Any) -> Any:
        """Fill in what is known of a provider, and the sub-folders of a folder."""
        if not isinstance(content, dict):
            return content
        _refuse_unknown(content, tuple(cls.model_fields))
        if not any(content.get(name) for name in ("provider", "url", "folder")):
            raise ValueError("a catalogue is one of provider, url or folder")
        content = {**_preset(content.get("provider")), **content}
        if content.get("folder") and "collections" not in content:
            content["collections"] = {str(sensor): WHOLE_FOLDER for sensor in Sensor}
        return content

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if bool(self.url) == bool(self.folder):
            raise ValueError("a catalogue is one of provider, url or folder")
        if self.folder and (self.sign or self.provider):
            raise ValueError("a folder has no provider, and nothing of it is signed")
        refused = known_providers().get(self.provider, {}).get("refused", {})
        for sensor, collection in self.collections.items():
            fact = refused.get(str(sensor))
            if fact is not None and fact["value"] == collection:
                raise ValueError(f"{collection} of {self.provider} is not read: {fact['reason']}")
        return self

    @model_validator(mode="after")
    def _tells_no_secret(self) -> Self:
        parts = urlsplit(self.url)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        if self.is_remote and ("@" in parts.netloc or any(_SECRET.search(name) for name in names)):
            raise ValueError("an address holds no user, password, key or token: a workspace keeps the pipeline it saw")
        return self

    @property
    def is_remote(self) -> bool:
        """Say whether it is asked over the network."""
        return self.url.startswith(_WEB)

    @property
    def is_static(self) -> bool:
        """Say whether it is a static catalogue."""
        return self.url.lower().endswith(".json")

    @property
    def host(self) -> str:
        """Return its host, or `local`."""
        return (urlsplit(self.url).hostname or "local").lower()


def _refuse_unknown(content: dict[str, Any], fields: tuple[str, ...]) -> None:
    for name in content:
        if name not in fields:
            near = get_close_matches(str(name), fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(fields)}"
            raise ValueError(f"unknown key {name!r}; {hint}")


def _preset(name: object) -> dict[str, Any]:
    """Return the values of a provider's facts, without where they are from."""
    if name is None or name == "":
        return {}
    known = known_providers()
    if name not in known:
        raise ValueError(f"unknown provider {name!r}; known are {', '.join(known)}")
    facts = known[str(name)]
    plain = {key: facts[key]["value"] for key in ("url", "sign")}
    return {**plain, "collections": {sensor: fact["value"] for sensor, fact in facts["collections"].items()}}
