"""What every options class shares: frozen, no unknown fields, bounds and a description on each field, a digest."""

from pydantic import BaseModel, ConfigDict

from kpgeo.model.ids import digest


class StageOptions(BaseModel):
    """Options of one stage. Defaults live in the subclasses and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def digest(self) -> str:
        """Return 12 hex digits that change when any option changes; they go into every product."""
        return digest(type(self).__name__, self.model_dump(mode="json"))[:12]

    def to_toml(self, table: str) -> str:
        """Return the options as a commented TOML table."""
        lines = [f"[{table}]"]
        for name, spec in type(self).model_fields.items():
            if not spec.repr:
                continue
            value = getattr(self, name)
            lines += [f"# {spec.description}", f"# {name} =" if value is None else f"{name} = {_toml(value)}"]
        return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Write one value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)
