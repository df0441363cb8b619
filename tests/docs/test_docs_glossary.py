"""The glossary holds every noun, in three languages, once; the theory index holds every page."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


def _rows():
    rows = []
    for line in GLOSSARY.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "word" and not set(cells[0]) <= {"-"}:
            rows.append(cells)
    return rows


def test_every_noun_of_the_model_is_in_the_glossary():
    defined = {
        node.name
        for path in (ROOT / "kpgeo" / "model").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    named = set(re.findall(r"\| `(\w+)` \|", GLOSSARY))
    assert defined - named == set()


def test_each_word_stands_once_with_a_definition_and_three_languages():
    rows = _rows()
    assert len(rows) > 60
    words = [row[0] for row in rows]
    assert len(set(words)) == len(words)
    for row in rows:
        assert len(row) == 5, row
        assert all(row), row


def test_the_theory_index_lists_every_page():
    index = (ROOT / "docs" / "theory" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs" / "theory").glob("*.md")} - {"README.md"}
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == pages
