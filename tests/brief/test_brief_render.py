"""Renderers: the same words in three formats, nothing evaluated, nothing fetched, the same bytes each time."""

import base64
import hashlib
import io
import re
import shutil
import struct
import subprocess
import zipfile
from html.parser import HTMLParser

import pytest
from docx import Document

from kpgeo.brief import compose_brief, render_docx, render_html, render_pdf
from kpgeo.brief.content import Picture, Table
from kpgeo.brief.draw import printable
from kpgeo.brief.words import NBSP

PDFTOTEXT = shutil.which("pdftotext")


def pdf_text(pdf):
    """Return the text of a PDF, one line a paragraph or so."""
    if PDFTOTEXT is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run([PDFTOTEXT, "-layout", "-", "-"], input=pdf, capture_output=True, check=True, timeout=60)
    return re.sub(r"[ \u00a0\u202f]+", " ", done.stdout.decode("utf-8"))


class Reader(HTMLParser):
    """Collects what matters of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def read_page(html):
    reader = Reader()
    reader.feed(html.decode("utf-8"))
    return reader


def test_pdf_is_tagged_dated_and_repeatable(contents):
    pdf = render_pdf(contents["fr"])
    assert pdf.startswith(b"%PDF-1.7")
    assert pdf == render_pdf(contents["fr"])
    assert b"/Lang (fr" in pdf or b"/Lang(fr" in pdf
    assert b"/MarkInfo" in pdf
    assert b"pdfaid:part>2" in pdf
    assert b"pdfuaid:part>1" in pdf
    pages = int(re.search(rb"/Type\s*/Pages\s*/Count\s+(\d+)|/Count\s+(\d+)", pdf)[0].split()[-1])
    assert pages > 4


def test_pdf_says_the_numbers_on_labelled_pages(contents):
    text = pdf_text(render_pdf(contents["fr"]))
    pages = [page for page in text.split("\f") if page.strip()]
    assert all("KP ONLY" in page for page in pages)
    assert f"Page 1 sur {len(pages)}" in pages[0]
    for words in (
        "9,4 ha",
        "6,6–13,2 ha",
        "41 250",
        "8.15718, -6.70956",
        "29P QK",
        "Non marqué ne veut pas dire intact",
    ):
        assert words in text


def test_pdf_of_a_hostile_world_shows_the_words(hostile_content):
    text = pdf_text(render_pdf(hostile_content))
    assert "<script>alert(1)</script>" in text
    assert '#read("/etc/passwd")' in text
    assert "$x$" in text
    assert "[U+6F22]" in text, "a character no shipped font has is shown as its code"
    assert "root:" not in text


def test_html_is_one_closed_file(contents):
    html = render_html(contents["en"])
    assert html == render_html(contents["en"])
    page = read_page(html)
    assert not re.search(rb"https?://|//[a-z]+\.", html)
    assert not page.named("script")
    assert not page.named("link")
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in page.named("img"))
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
    style = re.search(rb"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    [policy] = [
        attrs["content"] for attrs in page.named("meta") if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'")


def test_html_is_readable_without_eyes(contents):
    for language, content in contents.items():
        page = read_page(render_html(content))
        assert page.named("html") == [{"lang": language}]
        assert len(page.named("h1")) == len(page.named("main")) == 1
        assert page.named("a")[0] == {"class": "skip", "href": "#text"}
        assert all(attrs["alt"] for attrs in page.named("img"))
        tables = [block for block in content.blocks if isinstance(block, Table)]
        assert len(page.named("caption")) == len(page.named("table")) == len(tables)
        assert all(attrs.get("scope") in {"col", "row"} for attrs in page.named("th"))
        targets = {attrs["href"][1:] for attrs in page.named("a")}
        assert targets <= {attrs["id"] for _, attrs in page.tags if attrs.get("id")}


def test_html_of_a_hostile_world_runs_nothing(hostile_content):
    html = render_html(hostile_content)
    page = read_page(html)
    assert not page.named("script")
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert page.named("html") == [{"lang": "en"}]


def test_docx_opens_again_with_everything(contents):
    content = contents["pt"]
    package = render_docx(content)
    assert package == render_docx(content)
    document = Document(io.BytesIO(package))
    heads = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert heads[1] == "1. Mandato e questão"
    assert document.core_properties.language == "pt-PT"
    assert document.core_properties.author == "kpgeo"
    assert document.sections[0].header.paragraphs[0].text.startswith("KP ONLY")
    pictures = [block for block in content.blocks if isinstance(block, Picture)]
    assert [shape._inline.docPr.get("descr") for shape in document.inline_shapes] == [p.alt for p in pictures]
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    assert "41\u00a0250" in cells
    xml = zipfile.ZipFile(io.BytesIO(package)).read("word/document.xml")
    assert xml.count(b"w:tblHeader") == sum(isinstance(block, Table) for block in content.blocks)
    styles = zipfile.ZipFile(io.BytesIO(package)).read("word/styles.xml")
    assert b'w:val="pt-PT"' in styles


def test_docx_of_a_hostile_world_is_well_formed(hostile_content):
    document = Document(io.BytesIO(render_docx(hostile_content)))
    assert "<script>alert(1)</script>" in document.paragraphs[0].text
    assert "=1+1" in document.paragraphs[0].text


def test_empty_briefs_render_everywhere(empty_inputs, quick):
    content = compose_brief(empty_inputs, "en", quick)
    assert render_pdf(content).startswith(b"%PDF")
    assert b'class="label"' not in render_html(content)
    assert Document(io.BytesIO(render_docx(content))).paragraphs


def test_pictures_hold_pixels_only(contents):
    for block in contents["en"].blocks:
        if isinstance(block, Picture):
            chunks, at = [], 8
            while at < len(block.png):
                length, kind = struct.unpack(">I4s", block.png[at : at + 8])
                chunks.append(kind)
                at += length + 12
            assert set(chunks) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_printable_text_stands_in_for_missing_glyphs():
    assert printable("Séguéla №5") == "Séguéla №5"
    assert printable("漢") == "[U+6F22]"
    assert printable(f"a{NBSP}b") == f"a{NBSP}b"
