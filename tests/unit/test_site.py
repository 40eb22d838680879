"""What the explorer stores: digits, notes, order and positions of the cells, and what is said of tables."""

from __future__ import annotations

import http.client
import json
import re
import threading
import zlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nibrs_estimation.cli import table_view
from nibrs_estimation.site import server
from nibrs_estimation.site.cells import (
    DECIMALS,
    Notes,
    decimals,
    parts_of,
    place_files,
    rounded,
    rows_of_type,
    shown_cells,
    types_of,
)
from nibrs_estimation.site.describe import headline_cells, search_data, table_data
from nibrs_estimation.tables.definition import Estimate
from nibrs_estimation.tables.guide import guide
from nibrs_estimation.tables.read import all_definitions, table_definition, table_definitions
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS

KINDS: tuple[Estimate, ...] = ("count", "percentage", "rate")
#: Also numbers with few digits, at which ties are.
NUMBERS = st.one_of(
    st.floats(0, 1e9), st.integers(0, 10**7).map(lambda n: n / 100), st.integers(0, 10**5).map(lambda n: n / 8)
)


@given(st.lists(NUMBERS, min_size=1), st.sampled_from(KINDS))
def test_digits_are_those_of_the_terminal(values: list[float], kind: Estimate) -> None:
    """Rounded numbers are the text that the terminal prints, also at ties."""
    number = TYPE_NUMBERS[kind]
    numbers = np.array(values)
    digits = decimals(numbers, number)
    shown = [table_view._estimate({"estimate": value, "estimate_type_num": number}) for value in values]
    assert [float(text.replace(",", "")) for text in shown] == rounded(numbers, digits).tolist()
    assert digits.tolist() == [len(text.partition(".")[2]) for text in shown]
    assert digits.max() <= DECIMALS[kind]


def frame(**changes: list[object]) -> pl.DataFrame:
    """Two cells as rows of a table."""
    rows = {
        "caution": ["high_rse;few_counted", None],
        "suppression_reason": [None, "its error is more than 30% of it"],
        "missing": [None, None],
        "is_blank": [False, False],
        "is_only_inferred": [0, 0],
        "estimate": [12.5, 7.25],
        "estimate_lower_bound": [10.44, 1.0],
        "estimate_upper_bound": [20.5, 20.0],
        "estimate_known": [None, None],
        "relative_standard_error": [0.12349, 0.5],
        "agency_counts": [3.0, 2.0],
        "reported": [5.0, 2.0],
        "filled_share": [0.0, 0.1],
        "imputed_share": [0.0, 0.0],
    }
    schema = {"missing": pl.String, "caution": pl.String, "suppression_reason": pl.String, "estimate_known": pl.Float64}
    return pl.DataFrame(rows | changes, schema_overrides=schema)


def test_suppressed_numbers_are_not_written() -> None:
    """Unless they are wanted; the reason is there in both cases."""
    notes = Notes()
    cells = shown_cells(frame(), notes, "count", shows_suppressed=False)
    assert cells["estimate"].cast(pl.Float64).to_list() == [12.0, None]
    assert cells["upper"].cast(pl.Float64).to_list() == [20.0, None]
    assert cells.drop("note").row(1) == (None,) * (cells.width - 1)
    said = [notes.as_data()[number] for number in cells["note"]]
    assert said[1] == {"suppressed": "its error is more than 30% of it"}
    assert "high_rse" in str(said[0]["caution"])
    cells = shown_cells(frame(), notes, "count", shows_suppressed=True)
    assert cells["estimate"].cast(pl.Float64).to_list() == [12.0, 7.2]


def test_numbers_that_need_64_bits() -> None:
    cells = shown_cells(frame(estimate=[3e9, 1.0]), Notes(), "count", shows_suppressed=True)
    assert cells.schema["estimate"] == pl.Decimal(18, 1)
    assert cells["estimate"].cast(pl.Float64).to_list() == [3e9, 1.0]


def test_places_of_files() -> None:
    """Every place is in one file; whole places come first, and files of states have states only."""
    levels = ["nation", "state", "nation", "msa", "region", *["state"] * 70]
    places = pl.DataFrame(
        {
            "geography_number": range(1, len(levels) + 1),
            "geography_level": levels,
            "agency_group": [None, None, "Cities", *[None] * 72],
        }
    )
    files = place_files(places)
    assert [file["geography_level"].unique().sort().to_list() for file in files] == [
        ["nation", "region"], ["state"], ["state"], ["msa"], ["nation"],
    ]  # fmt: skip
    assert sorted(number for file in files for number in file["geography_number"]) == list(range(1, len(levels) + 1))


def test_parts_of_a_file(tmp_path: Path) -> None:
    """The parts cover the file from the first row group to its end, and their checksums are those of their bytes."""
    path = tmp_path / "cells.parquet"
    pl.DataFrame({"a": range(100), "b": [1.5] * 100}).write_parquet(path, row_group_size=30)
    parts = json.loads(json.dumps(parts_of(path)))
    content = path.read_bytes()
    assert len(parts["groups"]) == 4
    assert parts["groups"][0][0] == 4
    for start, end, crc in [*parts["groups"], parts["footer"]]:
        assert zlib.crc32(content[start:end]) == crc
    ends = [end for _start, end, _crc in parts["groups"]]
    assert [start for start, _end, _crc in parts["groups"]][1:] == ends[:-1]
    assert ends[-1] == parts["footer"][0]
    assert parts["footer"][1] == parts["size"] == len(content)


@pytest.mark.parametrize("name", list(table_definitions()))
def test_positions_of_rows(name: str) -> None:
    """Each published row is described once, with its position among the rows of each of its types."""
    table = table_definition(name)
    said = table_data(table)
    assert [row["row"] for row in said["rows"]] == [row.row for row in table.rows if not row.is_dropped]
    for kind in types_of(table):
        rows = rows_of_type(table, kind)
        at = {row["row"]: row["at"][kind] for row in said["rows"] if kind in row["at"]}
        assert at == {row.row: number for number, row in enumerate(rows)}
        assert said["n_rows"][kind] == len(rows)
    assert [column["column"] for column in said["columns"]] == list(range(1, len(table.columns) + 1))


def test_headlines_have_rates() -> None:
    cells = headline_cells(table_definitions().values())
    assert len(cells) == 12
    assert all(cell["rate_row"] is not None for cell in cells)


def test_answers_of_the_guide_name_what_they_show() -> None:
    """Rows and columns of the commands are found, so that a link shows the same as the command."""
    tables = list(all_definitions().values())
    for asked, said in zip(guide().questions, search_data(tables)["questions"], strict=True):
        assert len(asked.answers) == len(said["answers"])
        for answer in said["answers"]:
            if answer["table"] is None:
                assert "tables show" not in answer["command"]
                assert (answer["view"] == "coverage") == answer["command"].startswith("nibrs agencies")
                continue
            assert answer["view"] == ("compare" if "nibrs compare" in answer["command"] else "table")
            assert bool(answer["group"]) == ("--series" in answer["command"]), answer
            assert bool(answer["rows"]) == ("--row" in answer["command"]), answer
            assert bool(answer["columns"]) == ("--column" in answer["command"]), answer


def test_addresses_of_the_ten_questions_are_those_of_the_search() -> None:
    """The handbook names the view that the answer of the guide leads to."""
    page = (Path(__file__).parents[2] / "docs/user-guide/ten-questions.md").read_text(encoding="utf-8")
    said = search_data(list(all_definitions().values()))
    views = [answer for question in said["questions"] for answer in question["answers"]]
    addresses = [urlsplit(text) for text in re.findall(r"^Explorer: `#(.+)`$", page, re.MULTILINE)]
    assert len(addresses) == 10
    for address in addresses:
        named = {name: values[0] for name, values in parse_qs(address.query).items()}
        numbers = [[int(number) for number in named.get(name, "").split(",") if number] for name in ("rows", "columns")]
        wanted = {
            "view": address.path, "table": named.get("table"), "rows": numbers[0], "columns": numbers[1],
            "group": named.get("group", ""),
        }  # fmt: skip
        assert any(wanted == {name: view.get(name, "") for name in wanted} for view in views), address


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-12", 416, b""),
        ("pages=1-2", 200, b"0123456789"),
        (None, 200, b"0123456789"),
    ],
)
def test_server_sends_ranges(tmp_path: Path, wanted: str | None, status: int, body: bytes) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/digits.parquet").write_bytes(b"0123456789")
    (tmp_path / "secret.txt").write_text("not of the site")
    with server.open_server(tmp_path / "site") as opened:
        thread = threading.Thread(target=opened.serve_forever, daemon=True)
        thread.start()
        client = http.client.HTTPConnection("127.0.0.1", opened.server_address[1], timeout=20)
        client.request("GET", "/digits.parquet", headers={} if wanted is None else {"Range": wanted})
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (status, body)
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/nothing", "/"):
            client.request("GET", path)
            answer = client.getresponse()
            answer.read()
            assert answer.status == 404, path
        client.close()
        opened.shutdown()
        thread.join()
