"""Pages in the format that a file's ending names."""

from pathlib import Path

from kpgeo import brief
from kpgeo.brief import BriefContent
from kpgeo.model.errors import BadInputError
from kpgeo.store import refusal_as_integrity, write_atomic

_RENDERERS = {".pdf": brief.render_pdf, ".html": brief.render_html, ".docx": brief.render_docx}


def check_ending(out: Path) -> None:
    """Refuse a file whose ending names no format of a page.

    Raises
    ------
    BadInputError
        It is not pdf, html or docx.
    """
    if out.suffix.lower() not in _RENDERERS:
        raise BadInputError(f"{out.suffix!r} is no format of a page.", where="--out", remedy="Use pdf, html or docx.")


def write_page(content: BriefContent, out: Path) -> Path:
    """Write a page: pdf, html or docx, by the file's ending.

    Raises
    ------
    BadInputError
        The ending names none of them.
    IntegrityError
        The disk refuses; a page that was there is as it was.
    """
    check_ending(out)
    page = _RENDERERS[out.suffix.lower()](content)
    with refusal_as_integrity(out):
        write_atomic(out, page)
    return out
