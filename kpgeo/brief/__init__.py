"""Brief: what a review mission carries. Content in one language first, then PDF, HTML or DOCX."""

from kpgeo.brief.compose import compose_brief
from kpgeo.brief.content import BriefContent
from kpgeo.brief.docx import render_docx
from kpgeo.brief.html import render_html
from kpgeo.brief.inputs import Backdrop, BriefInputs, Chip, ChipPair, RunFacts, stretch_alike
from kpgeo.brief.pdf import render_pdf
from kpgeo.brief.reading import SiteReading, rank_sites

__all__ = [
    "Backdrop",
    "BriefContent",
    "BriefInputs",
    "Chip",
    "ChipPair",
    "RunFacts",
    "SiteReading",
    "compose_brief",
    "rank_sites",
    "render_docx",
    "render_html",
    "render_pdf",
    "stretch_alike",
]
