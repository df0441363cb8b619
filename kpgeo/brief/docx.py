"""The brief as DOCX, for the Working Group to edit.

Headings, tables that repeat their heads, pictures with words for them.
"""

import datetime as dt
import io
import zipfile
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from kpgeo.brief.content import Block, BriefContent, Bullets, Facts, Heading, Notice, Paragraph, Picture, Table

_TEXT_MM = 170.0
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_TAGS = {"en": "en-GB", "fr": "fr-FR", "pt": "pt-PT"}
_INK = RGBColor(0x1C, 0x1C, 0x1C)
_ACCENT = RGBColor(0x0B, 0x4F, 0x6C)


def render_docx(content: BriefContent) -> bytes:
    """Return a brief as DOCX. The same content gives the same bytes."""
    document = Document()
    _set_page(document, content)
    _set_styles(document, content)
    document.add_paragraph(content.title, style="Title")
    document.add_paragraph(content.subtitle, style="Subtitle")
    for block in content.blocks:
        _add_block(document, block)
    stream = io.BytesIO()
    document.save(stream)
    return _without_times(stream.getvalue())


def _set_page(document: Any, content: BriefContent) -> None:
    """Set paper, header, footer and properties."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin, section.bottom_margin = Mm(25), Mm(20)
    head = section.header.paragraphs[0]
    head.add_run(content.label).bold = True
    head.add_run(("   " if content.label else "") + content.title)
    foot = section.footer.paragraphs[0]
    foot.add_run(content.footer + " · ")
    before, _, rest = content.chrome["page_of"].partition("{page}")
    between, _, after = rest.partition("{pages}")
    for text, field in ((before, "PAGE"), (between, "NUMPAGES"), (after, "")):
        foot.add_run(text)
        if field:
            _add_field(foot, field)
    properties = document.core_properties
    properties.title, properties.subject = content.title, content.subtitle
    properties.author = properties.last_modified_by = "kpgeo"
    properties.comments, properties.keywords = "", content.label
    properties.language = _TAGS[content.language]
    properties.created = properties.modified = dt.datetime.combine(content.date, dt.time())


def _add_field(paragraph: Any, name: str) -> None:
    """Add a field that the word processor fills in."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    field.append(OxmlElement("w:r"))
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no fields


def _set_styles(document: Any, content: BriefContent) -> None:
    """Set typeface, sizes and language once, in the styles."""
    for name, size in (("Normal", 10.0), ("Title", 22.0), ("Subtitle", 12.0), ("Heading 1", 15.0), ("Heading 2", 11.5)):
        style = document.styles[name]
        style.font.name, style.font.size = "Georgia", Pt(size)
        style.font.italic = False
        style.font.color.rgb = _ACCENT if name in ("Title", "Heading 1") else _INK
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(kind), "Georgia")
        for kind in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(kind), None)
    document.styles["Caption"].font.color.rgb = _INK
    defaults = document.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    language = defaults.find(qn("w:lang"))
    if language is None:
        language = OxmlElement("w:lang")
        defaults.append(language)
    for kind in ("w:val", "w:eastAsia"):
        language.set(qn(kind), _TAGS[content.language])


def _add_block(document: Any, block: Block) -> None:
    if isinstance(block, Heading):
        document.add_heading(block.text, level=block.level)
    elif isinstance(block, Paragraph):
        run = document.add_paragraph().add_run(block.text)
        run.font.size = Pt(8.5) if block.is_note else None
    elif isinstance(block, Bullets):
        for item in block.items:
            document.add_paragraph(item, style="List Bullet")
    elif isinstance(block, Notice):
        _add_notice(document, block)
    elif isinstance(block, Facts):
        _add_facts(document, block)
    elif isinstance(block, Table):
        _add_table(document, block)
    else:
        _add_picture(document, block)


def _add_notice(document: Any, notice: Notice) -> None:
    cell = document.add_table(rows=1, cols=1, style="Table Grid").cell(0, 0)
    cell.paragraphs[0].add_run(notice.title).bold = True
    for item in notice.items:
        cell.add_paragraph(item, style="List Bullet")
    document.add_paragraph()


def _add_facts(document: Any, facts: Facts) -> None:
    table = document.add_table(rows=1, cols=len(facts.items))
    for cell, fact in zip(table.rows[0].cells, facts.items, strict=True):
        value = cell.paragraphs[0].add_run(fact.value)
        value.bold, value.font.size = True, Pt(14)
        cell.add_paragraph(fact.label)
        cell.add_paragraph(fact.note)
    document.add_paragraph()


def _add_table(document: Any, block: Table) -> None:
    """Add a table: caption above, head repeated on every page, rows kept whole."""
    caption = document.add_paragraph(block.caption, style="Caption")
    caption.paragraph_format.keep_with_next = True
    table = document.add_table(rows=1 + len(block.rows), cols=len(block.columns), style="Table Grid")
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    whole = sum(column.width for column in block.columns)
    for number, row in enumerate(table.rows):
        texts = [column.title for column in block.columns] if number == 0 else block.rows[number - 1]
        _flag(row, "w:cantSplit")
        if number == 0:
            _flag(row, "w:tblHeader")
        for cell, column, text in zip(row.cells, block.columns, texts, strict=True):
            cell.width = Mm(_TEXT_MM * column.width / whole)
            paragraph = cell.paragraphs[0]
            run = paragraph.add_run(text)
            run.bold, run.font.size = number == 0, Pt(8.5)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if column.align == "right" else WD_ALIGN_PARAGRAPH.LEFT
    _describe_table(table, block.caption)
    note = document.add_paragraph()
    note.add_run(block.note).font.size = Pt(8.5)


def _flag(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 - python-docx has no such property


def _describe_table(table: Any, text: str) -> None:
    """Give a table the words a screen reader announces it with."""
    words = OxmlElement("w:tblCaption")
    words.set(qn("w:val"), text)
    table._tbl.tblPr.append(words)  # noqa: SLF001 - python-docx has no such property


def _add_picture(document: Any, block: Picture) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(io.BytesIO(block.png), width=Mm(_TEXT_MM * block.width_frac))
    shape._inline.docPr.set("descr", block.alt)  # noqa: SLF001 - python-docx has no alternative text
    document.add_paragraph(block.caption, style="Caption")


def _without_times(package: bytes) -> bytes:
    """Return the same package with the clock taken out of its zip entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            fixed = zipfile.ZipInfo(entry.filename, date_time=_ZIP_TIME)
            fixed.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(fixed, old.read(entry))
    return stream.getvalue()
