"""Brief: what a review mission carries. Content in one language first, then PDF, HTML or DOCX."""

from kpgeo.brief.chip_picture import draw_chips
from kpgeo.brief.compose import compose_brief
from kpgeo.brief.content import BriefContent
from kpgeo.brief.docx import render_docx
from kpgeo.brief.explain_chart import EXPLAINED_BANDS, PictureFormat, check_bands, draw_explanation
from kpgeo.brief.explain_words import list_looks, say_explanation
from kpgeo.brief.explanation import Explanation, blind_spans
from kpgeo.brief.html import render_html
from kpgeo.brief.inputs import (
    Backdrop,
    BriefInputs,
    Chip,
    ChipPair,
    FieldFacts,
    ParticipantInputs,
    RunFacts,
    stretch_alike,
)
from kpgeo.brief.parcel_page import compose_parcel
from kpgeo.brief.participant_page import compose_participant
from kpgeo.brief.pdf import render_pdf
from kpgeo.brief.reading import SiteReading, rank_sites
from kpgeo.brief.surroundings import say_surroundings

__all__ = [
    "EXPLAINED_BANDS",
    "Backdrop",
    "BriefContent",
    "BriefInputs",
    "Chip",
    "ChipPair",
    "Explanation",
    "FieldFacts",
    "ParticipantInputs",
    "PictureFormat",
    "RunFacts",
    "SiteReading",
    "blind_spans",
    "check_bands",
    "compose_brief",
    "compose_parcel",
    "compose_participant",
    "draw_chips",
    "draw_explanation",
    "list_looks",
    "rank_sites",
    "render_docx",
    "render_html",
    "render_pdf",
    "say_explanation",
    "say_surroundings",
    "stretch_alike",
]
