"""The brief as one HTML file that needs nothing else: no script, no address, pictures inside."""

import base64
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kpgeo.brief.content import BriefContent, Picture


def render_html(content: BriefContent) -> bytes:
    """Return a brief as UTF-8 HTML.

    Every text is escaped; the content security policy lets in nothing but data images and the one style sheet, named
    by its SHA-256.
    """
    style = (resources.files("kpgeo.brief") / "templates" / "brief.css").read_text(encoding="utf-8")
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    environment = Environment(
        loader=PackageLoader("kpgeo.brief", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("brief.html.j2").render(
        content=content,
        blocks=[_block(block) for block in content.blocks],
        style=Markup(style),  # noqa: S704 - our own file, and escaping would break its hash
        style_hash=f"sha256-{hashed}",
    )
    return page.encode("utf-8")


def _block(block: Any) -> dict[str, Any]:
    """Return a block with the name of its kind and, for a picture, its bytes in base 64."""
    view = {"kind": type(block).__name__.lower(), "it": block}
    if isinstance(block, Picture):
        view["base64"] = base64.b64encode(block.png).decode("ascii")
    return view
