"""The page of faults: a row for each, each with tests, and every test it names is there and marked with that number."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
NUMBERS = (*range(1, 26), 33, 34, 35, 38, 39, 40, 41, 43, 44, 45, 46, 47, 50)


def _numbers_of(node: ast.AST) -> set[int]:
    """Return the numbers in `pytest.mark.fault(…)`, wherever in an expression it stands."""
    return {
        number.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.fault"
        for number in call.args
        if isinstance(number, ast.Constant)
    }


def _marked() -> dict[int, set[str]]:
    """Return the names of tests by the number they are marked with: by themselves, or by their module."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        of_module = {
            number
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
            for number in _numbers_of(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in of_module.union(*(_numbers_of(one) for one in node.decorator_list)):
                    found[number].add(node.name)
    return found


MARKED = _marked()
ROWS = {
    int(match[1]): [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in PAGE.splitlines()
    if (match := re.match(r"\| F-(\d+) \|", line))
}


def test_each_fault_has_one_row_in_order():
    assert tuple(ROWS) == tuple(number for number in NUMBERS if number in ROWS)
    assert PAGE.count("\n| F-") == len(ROWS)
    assert set(ROWS) >= set(NUMBERS) - {33, 34, 38, 46}
    assert all(len(row) == 5 and all(row) for row in ROWS.values())


@pytest.mark.parametrize("number", NUMBERS)
def test_each_fault_has_tests_and_those_named_are_among_them(number):
    named = re.findall(r"`(test_\w+)`", ROWS[number][4])
    assert named
    assert set(named) - MARKED[number] == set(), "named on the page, and not marked so"


def test_no_test_is_marked_with_a_number_that_nobody_knows():
    assert {number for number in MARKED if not (isinstance(number, int) and 1 <= number <= 50)} == set()
