"""The public page: one HTML file in three languages, with maps drawn in it and nothing fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kpgeo.model.aoi import LANGUAGES, Aoi, Language
from kpgeo.model.calendar import Period
from kpgeo.model.release import Amount, Cell, Seen

_CELL_PX, _EDGE_PX = 54, 46
_SHADE = {Amount.NONE: "#ffffff", Amount.FEW: "#fee0b6", Amount.SOME: "#f1a340", Amount.MANY: "#b35806"}
_INK = {Amount.NONE: "#000", Amount.FEW: "#000", Amount.SOME: "#000", Amount.MANY: "#fff"}
_WORDS: dict[str, tuple[str, str, str]] = {
    "title": ("Digging seen from space", "Creusement vu de l'espace", "Escavação vista do espaço"),
    "what": (
        (
            "Workings with newly dug ground, by half-year and by cells of a fixed grid. Exact places are not given; "
            "each half-year is told only {days} days after its end. Imagery never decides alone."
        ),
        (
            "Chantiers avec un sol nouvellement creusé, par semestre et par cases d'une grille fixe. Les lieux exacts "
            "ne sont pas donnés ; chaque semestre est publié {days} jours après sa fin. L'imagerie ne décide jamais "
            "seule."
        ),
        (
            "Frentes com solo recentemente escavado, por semestre e por células de uma grelha fixa. Os locais "
            "exatos não são indicados, e cada semestre só é divulgado {days} dias depois do seu fim. As imagens "
            "nunca decidem sozinhas."
        ),
    ),
    "published": (
        "Told are workings that one person confirmed, another audited, and that were then published.",
        "Sont indiqués les chantiers qu'une personne a confirmés, qu'une autre a vérifiés, et qui ont été publiés.",
        "São indicadas as frentes que uma pessoa confirmou, outra verificou, e que foram publicadas.",
    ),
    "confirmed": (
        "Told are workings that kpgeo confirmed by repeated looks and that nobody dismissed; not all were reviewed.",
        "Sont indiqués les chantiers confirmés par kpgeo et que personne n'a écartés ; tous n'ont pas été revus.",
        "São indicadas as frentes confirmadas por kpgeo e que ninguém rejeitou; nem todas foram revistas.",
    ),
    "unseen": (
        "A cell without a mark was not found to hold workings. Where little was seen, that says little.",
        "Une case sans marque ne contient pas de chantier reconnu. Là où l'on a peu vu, cela dit peu.",
        "Uma célula sem marca não contém frentes reconhecidas. Onde pouco se viu, isso diz pouco.",
    ),
    "nothing": (
        "No half-year may be told yet.",
        "Aucun semestre ne peut encore être publié.",
        "Ainda nenhum semestre pode ser divulgado.",
    ),
    "period": ("Half-year", "Semestre", "Semestre"),
    "cells": ("Cells with workings", "Cases avec chantiers", "Células com frentes"),
    "looked": (
        "Ground seen clearly, mean by ten days",
        "Sol vu sans nuage, moyenne par décade",
        "Solo visto sem nuvens, média por dez dias",
    ),
    "none": ("none", "aucun", "nenhuma"),
    "few": ("few", "peu", "poucas"),
    "some": ("some", "plusieurs", "várias"),
    "many": ("many", "beaucoup", "muitas"),
    "legend": (
        "few: fewer than {few}; some: fewer than {some}; many: more. Shading is the number of workings.",
        "peu : moins de {few} ; plusieurs : moins de {some} ; beaucoup : plus. La teinte est le nombre de chantiers.",
        "poucas: menos de {few}; várias: menos de {some}; muitas: mais. O tom é o número de frentes.",
    ),
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border-bottom:1px solid #bbb;padding:.3rem .8rem;text-align:left}"
    "section{margin-bottom:4rem}svg{max-width:100%;height:auto}figure{margin:1rem 0}figcaption{font-size:.9rem}"
)


@dataclass(frozen=True, kw_only=True)
class PublicRelease:
    """All that the public twin says.

    Attributes
    ----------
    aois : tuple of Aoi
        Their names are said, their outlines are not.
    periods : tuple of Period
        The half-years told.
    few, basis, delay_days
        As the options have them.
    """

    aois: tuple[Aoi, ...]
    periods: tuple[Period, ...]
    cells: tuple[Cell, ...]
    seen: tuple[Seen, ...]
    cell_deg: float
    few: int
    basis: str
    delay_days: int


def public_page(release: PublicRelease) -> bytes:
    """Return the page."""
    root = ET.Element("html", lang="en")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    ET.SubElement(head, "title").text = "PUBLIC – kpgeo"
    ET.SubElement(head, "style").text = _STYLE
    body = ET.SubElement(root, "body")
    ET.SubElement(ET.SubElement(body, "p"), "strong").text = "PUBLIC"
    for language in LANGUAGES:
        _add_language(body, release, language)
    text: bytes = ET.tostring(root, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + text + b"\n"


def _add_language(body: ET.Element, release: PublicRelease, language: Language) -> None:
    section = ET.SubElement(body, "section", lang=language)
    ET.SubElement(section, "h1").text = _say("title", language)
    ET.SubElement(section, "p").text = _say("what", language).format(days=release.delay_days)
    ET.SubElement(section, "p").text = f"{_say(release.basis, language)} {_say('unseen', language)}"
    if not release.periods:
        ET.SubElement(section, "p").text = _say("nothing", language)
        return
    for aoi in release.aois:
        ET.SubElement(section, "h2").text = aoi.name(language)
        _add_table(section, release, aoi, language)
        _add_map(section, release, aoi, language)
    legend = _say("legend", language).format(few=release.few, some=4 * release.few)
    ET.SubElement(section, "p").text = legend


def _add_table(section: ET.Element, release: PublicRelease, aoi: Aoi, language: Language) -> None:
    """Add a row for each half-year: cells with workings, and how much was seen."""
    table = ET.SubElement(section, "table")
    heads = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for word in ("period", "cells", "looked"):
        ET.SubElement(heads, "th", scope="col").text = _say(word, language)
    rows = ET.SubElement(table, "tbody")
    looked = {one.period: one.looked_frac for one in release.seen if one.aoi_id == aoi.id}
    for period in release.periods:
        held = [cell for cell in _cells_of(release.cells, aoi, period) if cell.workings is not Amount.NONE]
        row = ET.SubElement(rows, "tr")
        ET.SubElement(row, "th", scope="row").text = period.label
        ET.SubElement(row, "td").text = str(len(held))
        ET.SubElement(row, "td").text = f"{looked.get(period, 0.0):.0%}"


def _add_map(section: ET.Element, release: PublicRelease, aoi: Aoi, language: Language) -> None:
    """Add a map of the last half-year told."""
    period = release.periods[-1]
    cells = _cells_of(release.cells, aoi, period)
    if not cells:
        return
    size = release.cell_deg
    columns = [round(cell.west / size) for cell in cells]
    lines = [round(cell.south / size) for cell in cells]
    left, bottom = min(columns) - 1, min(lines) - 1
    wide, high = max(columns) - left + 2, max(lines) - bottom + 2
    figure = ET.SubElement(section, "figure")
    width, height = 2 * _EDGE_PX + wide * _CELL_PX, _EDGE_PX + high * _CELL_PX
    svg = ET.SubElement(figure, "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img")
    svg.set("width", str(width))
    ET.SubElement(svg, "title").text = f"{aoi.name(language)}, {period.label}"
    for step in range(wide + 1):
        _add_text(svg, _EDGE_PX + step * _CELL_PX, height - _EDGE_PX // 3, _degrees((left + step) * size, "EW"))
    for step in range(high + 1):
        _add_text(svg, _EDGE_PX // 2, (high - step) * _CELL_PX + 10, _degrees((bottom + step) * size, "NS"))
    for cell, column, line in zip(cells, columns, lines, strict=True):
        _add_cell(svg, cell, (column - left, bottom + high - 1 - line), language)
    ET.SubElement(figure, "figcaption").text = f"{aoi.name(language)}, {period.label}"


def _add_cell(svg: ET.Element, cell: Cell, place: tuple[int, int], language: Language) -> None:
    left, top = _EDGE_PX + place[0] * _CELL_PX, place[1] * _CELL_PX + 6
    shape = {"x": str(left), "y": str(top), "width": str(_CELL_PX), "height": str(_CELL_PX)}
    ET.SubElement(svg, "rect", {**shape, "fill": _SHADE[cell.workings], "stroke": "#555"})
    word = _say(str(cell.workings), language)
    _add_text(svg, left + _CELL_PX // 2, top + _CELL_PX // 2 + 4, word, _INK[cell.workings])


def _add_text(svg: ET.Element, left: int, top: int, text: str, ink: str = "#333") -> None:
    place = {"x": str(left), "y": str(top), "font-size": "11", "text-anchor": "middle", "fill": ink}
    ET.SubElement(svg, "text", place).text = text


def _degrees(value: float, sides: str) -> str:
    """Return a line of the grid, such as 6.65°W."""
    return f"{abs(value):.2f}°{sides[0] if value >= 0.0 else sides[1]}"


def _cells_of(cells: Sequence[Cell], aoi: Aoi, period: Period) -> list[Cell]:
    return [cell for cell in cells if cell.aoi_id == aoi.id and cell.period == period]


def _say(word: str, language: Language) -> str:
    return _WORDS[word][LANGUAGES.index(language)]
