"""Tables of sizes of stones: what is read, and what is refused because it could be read in two ways."""

import contextlib

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.model.errors import BadInputError
from kpgeo.production import NumberStyle, SizeReading, read_sizes

HEADER = "participant,period,size,stones,carats\n"
ROWS = "Ghana,2024H1,0,900,63.1\nGhana,2024H1,0.1,400,58\nGhana,2024H1,0.2,90,31.5\nGhana,2024H1,1,3,4.4\n"
COMMA = SizeReading(style=NumberStyle(decimal="comma"))


@pytest.fixture
def read(tmp_path):
    def run(text, reading=None):
        (tmp_path / "sizes.csv").write_text(text, encoding="utf-8")
        return read_sizes(tmp_path / "sizes.csv", reading or SizeReading())

    return run


def test_a_table_is_read_with_its_classes_in_order(read):
    (table,) = read(HEADER + "".join(reversed(ROWS.splitlines(keepends=True))))
    assert (table.participant, table.iso3, table.period) == ("Ghana", "GHA", "2024H1")
    assert table.edges_ct == (0.0, 0.1, 0.2, 1.0)
    assert table.stones == (900, 400, 90, 3)


def test_participants_and_periods_are_tables_of_their_own(read):
    tables = read(HEADER + ROWS + ROWS.replace("2024H1", "2024H2") + ROWS.replace("Ghana", "Guinée"))
    assert [(one.iso3, one.period) for one in tables] == [("GHA", "2024H1"), ("GHA", "2024H2"), ("GIN", "2024H1")]


def test_sieves_have_the_weights_they_are_said_to_have(read):
    text = "Pays;Tamis;Pierres\nGhana;-1;1.200\nGhana;+1;80\n".replace("-1;", "≤1;").replace("+1;", "≥1;")
    reading = SizeReading(
        columns={"participant": "Pays", "size": "Tamis", "stones": "Pierres"},
        fixed={"period": "2024H1"},
        edges_ct={"≤1": 0.0, "≥1": 0.02},
        style=NumberStyle(decimal="comma"),
    )
    (table,) = read(text, reading)
    assert (table.edges_ct, table.stones) == ((0.0, 0.02), (1200, 80))


def test_carats_become_stones_only_by_a_weight_that_is_said(read):
    text = "participant,period,size,carats\nGhana,2024H1,0,50.0\nGhana,2024H1,0.1,60.0\n"
    with pytest.raises(BadInputError, match="stones") as refused:
        read(text)
    assert "--mean" in str(refused.value)
    (table,) = read(text, SizeReading(mean_ct={"0": 0.05, "0.1": 0.15}))
    assert table.stones == (1000, 400)
    with pytest.raises(BadInputError, match=r"weigh 0\.299 ct each"):
        read(text, SizeReading(mean_ct={"0": 0.3, "0.1": 0.15}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER, "no rows"),
        (HEADER + "Ghana,2024H1,0.1,400,58\nGhana,2024H1,0.10,3,0.4\n", "stands twice"),
        (HEADER + "Ghana,2024H1,0.1,,\n", "gives no stones"),
        (HEADER + "Ghana,2024H1,0.1,2.5,\n", "no number of stones"),
        (HEADER + "Ghana,2024H1,0.1,-4,\n", "negative"),
        (HEADER + "Ghana,2024H1,large,4,\n", "no weight"),
        (HEADER + 'Ghana,2024H1,"0,1",4,\n', "differ from country to country"),
        (HEADER + "Ghana,2024H1,0.125,4,\n", "three decimals"),
        (HEADER + "Ghana,2024H1,99999,4,\n", "No stone weighs"),
        (HEADER + "Ghana,2024H1,=1+1,4,\n", "formula"),
        (HEADER + "Ghana,H1 2024,0.1,4,\n", "period"),
        (HEADER + "Belgium,2024H1,0.1,4,\n", "European Union"),
        (HEADER + "Ghana,2024H1,1,4000,58\n", "weigh 0.0145 ct each"),
        ("participant,period,stones\nGhana,2024H1,4\n", "size"),
        ("participant,period,size\nGhana,2024H1,4\n", "stones"),
        ("participant,period,size,stones,stones\nGhana,2024H1,4,1,1\n", "stands 2 times"),
    ],
)
def test_what_is_not_certain_is_refused_with_its_place(read, text, says):
    with pytest.raises(BadInputError, match=says) as refused:
        read(text)
    assert "sizes.csv" in str(refused.value)


def test_unknown_columns_are_refused(read):
    with pytest.raises(BadInputError, match="no column"):
        read(HEADER + ROWS, SizeReading(columns={"sieve": "size"}))


def test_a_number_of_a_workbook_has_no_sign_to_mistake_and_a_formula_is_asked_about(tmp_path):
    book = openpyxl.Workbook()
    for row in (["participant", "period", "size", "stones"], ["Ghana", "2024H1", 0.125, 40]):
        book.active.append(row)
    book.save(tmp_path / "sizes.xlsx")
    (table,) = read_sizes(tmp_path / "sizes.xlsx", COMMA)
    assert table.edges_ct == (0.125,)
    book.active["D2"] = "=20*2"
    book.save(tmp_path / "sizes.xlsx")
    with pytest.raises(BadInputError, match="formula"):
        read_sizes(tmp_path / "sizes.xlsx", COMMA)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(st.lists(st.text(max_size=12), min_size=4, max_size=4), max_size=4))
def test_whatever_stands_in_the_cells_the_answer_is_a_table_or_a_plain_refusal(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("fuzz") / "t.csv"
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells]
    path.write_bytes(("participant,period,size,stones\n" + "\n".join(lines)).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(BadInputError):
        assert all(sum(one.stones) >= 0 for one in read_sizes(path, SizeReading()))
