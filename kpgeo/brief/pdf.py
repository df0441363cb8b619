"""The brief as PDF: tagged (PDF/UA-1) and archivable (PDF/A-2a), by Typst."""

import json
import shutil
import tempfile
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from kpgeo.brief.content import Block, BriefContent, Picture
from kpgeo.brief.draw import FONT_FOLDER, printable
from kpgeo.model.errors import IntegrityError

STANDARDS: Any = ["a-2a", "ua-1"]


def render_pdf(content: BriefContent) -> bytes:
    """Return a brief as PDF.

    The words reach Typst as a JSON file beside the template in a temporary root, never as source; files outside that
    root cannot be read, and no font of the machine is used. The same content gives the same bytes.

    Raises
    ------
    IntegrityError
        Typst refuses the template: a defect of kpgeo.
    """
    with tempfile.TemporaryDirectory(prefix="kpgeo-brief-") as folder:
        root = Path(folder)
        blocks = [_block(block, number, root) for number, block in enumerate(content.blocks)]
        page = {
            "language": content.language,
            "title": printable(content.title),
            "subtitle": printable(content.subtitle),
            "label": printable(content.label),
            "footer": printable(content.footer),
            "page_of": content.chrome["page_of"],
            "date": [content.date.year, content.date.month, content.date.day],
            "blocks": blocks,
        }
        (root / "brief.json").write_text(json.dumps(page, ensure_ascii=True), encoding="ascii")
        fonts = root / "fonts"
        fonts.mkdir()
        for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
            shutil.copyfile(FONT_FOLDER / name, fonts / name)
        source = resources.files("kpgeo.brief") / "templates" / "brief.typ"
        (root / "brief.typ").write_bytes(source.read_bytes())
        return _compiled(root)


def _compiled(root: Path) -> bytes:
    try:
        pdf = typst.compile(
            root / "brief.typ",
            root=root,
            font_paths=[root / "fonts"],
            ignore_system_fonts=True,
            pdf_standards=STANDARDS,
        )
    except typst.TypstError as error:
        raise IntegrityError(f"The brief cannot be typeset ({error.message}).", where="brief.typ") from error
    return bytes(pdf)


def _block(block: Block, number: int, root: Path) -> dict[str, Any]:
    """Return a block as JSON; a picture's bytes go to a file of a name kpgeo gives."""
    kind = type(block).__name__.lower()
    if isinstance(block, Picture):
        name = f"picture-{number}.png"
        (root / name).write_bytes(block.png)
        return {
            "kind": kind,
            "file": name,
            "alt": block.alt,
            "caption": printable(block.caption),
            "width_frac": block.width_frac,
        }
    return {"kind": kind, **_printable(asdict(block))}


def _printable(value: Any) -> Any:
    """Return the same structure with every text printable in the fonts that come along."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(item) for item in value]
    return value
