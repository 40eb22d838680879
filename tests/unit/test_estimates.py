"""Estimates of table 1a with calibrated and other weights, against a slow twin that knows one geography at a time."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frames import table

from nibrs_estimation.model.results import ESTIMATES
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.variance.estimate import estimate_cells
from nibrs_estimation.stages.variance.strata import variance_strata

Rows = list[dict[str, Any]]
CALIBRATED, PLAIN = 5, 8
STATES = {"VT": 102, "NH": 86}

agency = st.tuples(
    st.sampled_from(["VT", "NH"]),
    st.sampled_from([CALIBRATED, PLAIN]),
    st.sampled_from(["City", "County"]),
    st.booleans(),  # responds
    st.integers(0, 500),  # count
    st.integers(1, 40),  # control
    st.floats(1, 5),  # weight
    st.floats(0.2, 1),  # share in the metropolitan area
)
Agency = tuple[str, int, str, bool, int, int, float, float]


def given_data(nation: list[Agency]) -> dict[str, pl.LazyFrame]:
    """Weights of the nation (a calibrated group and one that is not), of its states and of one metropolitan area."""
    weights: Rows = []
    cells: dict[tuple[str, str, int], list[int]] = {}
    values: Rows = []
    for number, (state, group, _kind, responds, _count, control, weight, share) in enumerate(nation):
        places = [("NationalWgt", "US", group, 1.0), ("StateWgt", state, 4, 1.0), ("MSAWgt", "Area", 1, share)]
        for variable, code, of_group, part in places:
            key = {"weight_variable": variable, "geography_code": code, "weight_group": of_group}
            weights.append(
                {**key, "agency_id": number, "population_share": part, "is_respondent": responds,
                 "weight": weight if responds else None}
            )  # fmt: skip
            N, n = cells.setdefault((variable, code, of_group), [0, 0])
            cells[variable, code, of_group] = [N + 1, n + responds]
            if responds and of_group == CALIBRATED:
                values.append({**key, "agency_id": number, "control": "tot", "value": float(control)})
    levels = {"NationalWgt": "nation", "StateWgt": "state", "MSAWgt": "msa"}
    shared = {"eligible_agencies": 1, "eligible_pieces": 1, "responding_agencies": 1, "population": 1000,
              "population_responding": 500, "is_excluded": False, "is_missing_over_10_percent": False,
              "universe_scope": "all", "estimate_geographic_location": "somewhere"}  # fmt: skip
    places = [
        (1, "NationalWgt", "US", None), (6, "NationalWgt", "US", "Agency Type City"), (109, "MSAWgt", "Area", None),
        *((number, "StateWgt", state, None) for state, number in STATES.items()),
    ]  # fmt: skip
    coverage = [
        {"permutation_number": number, "weight_variable": variable, "geography_level": levels[variable],
         "geography_code": code, "agency_group": only, "is_model_used": variable == "NationalWgt", **shared}
        for number, variable, code, only in places
    ]  # fmt: skip
    return {
        "weighting_frame": table(
            "weighting_frame",
            *(
                {"agency_id": i, "agency_type_name": row[2], "n_total": float(row[5])} for i, row in enumerate(nation)
            ),
        ),
        "agency_weight": table("agency_weight", *weights),
        "weight_cell": table(
            "weight_cell",
            *(
                {"weight_variable": variable, "geography_level": levels[variable], "geography_code": code,
                 "weight_group": group, "eligible_agencies": N, "responding_agencies": n,
                 "rule": ("full_coverage" if variable == "MSAWgt" else "calibrated") if n else "no_response"}
                for (variable, code, group), (N, n) in cells.items()
            ),
        ),
        "calibration_variable": table("calibration_variable", *values),
        "agency_cell_count": table(
            "agency_cell_count",
            *(
                {"agency_id": i, "state_abbr": row[0], "column": 17, "n": row[4]}
                for i, row in enumerate(nation) if row[4]
            ),
        ),
        "block_cell_count": table("block_cell_count"),
        "block_reference": table("block_reference"),
        "coverage": table("coverage", *coverage),
    }  # fmt: skip


def slow(nation: list[Agency], place: str, only: str | None) -> tuple[float, float]:
    """Estimate and standard error of one geography, straight from 07 section 6.2."""
    units = []
    for state, group, kind, responds, count, control, weight, share in nation:
        if place in ("VT", "NH") and state != place:
            continue
        part = share if place == "Area" else 1.0
        of_group = {"US": group, "Area": 1}.get(place, 4)
        y = part * count if only in (None, kind) else 0.0
        units.append((of_group, responds, y, part * control, weight))
    total, u = 0.0, {}
    sizes: dict[int, list[int]] = {}
    for group in {unit[0] for unit in units}:
        members = [unit for unit in units if unit[0] == group]
        sample = [unit for unit in members if unit[1]]
        if not sample:
            continue
        sizes[group] = [len(members), len(sample)]
        y, x, w = (np.array([unit[k] for unit in sample]) for k in (2, 3, 4))
        total += float(w @ y)
        knows_total = place == "Area" or (place == "US" and group == CALIBRATED)
        e = y - x * (x @ y) / (x @ x) if knows_total else y
        u[group] = w * e
    strata = {group: [group] for group in u}
    open_groups = [group for group in sorted(u) if sizes[group][0] != sizes[group][1]]
    if len(open_groups) == 2 and any(sizes[g][0] < 5 or sizes[g][1] < 2 for g in open_groups):
        strata = {group: [group] for group in u if group not in open_groups} | {min(open_groups): open_groups}
    variance = 0.0
    for groups in strata.values():
        N, n = (sum(sizes[g][k] for g in groups) for k in (0, 1))
        values = np.concatenate([u[g] for g in groups])
        if n < N:
            variance += np.nan if n == 1 else (1 - n / N) * n / (n - 1) * ((values - values.mean()) ** 2).sum()
    return total, float(np.sqrt(variance))


@settings(deadline=None, max_examples=60)
@given(st.lists(agency, min_size=3, max_size=14).filter(lambda nation: any(row[3] for row in nation)))
def test_estimates_equal_the_slow_twin(nation: list[Agency]) -> None:
    data = given_data(nation)
    made = checked(estimate_cells(**data, year=2024), ESTIMATES)
    shuffled = {name: frame.collect().sample(fraction=1.0, shuffle=True, seed=1).lazy() for name, frame in data.items()}
    assert checked(estimate_cells(**shuffled, year=2024), ESTIMATES).equals(made)
    for number, place, only in (
        (1, "US", None), (6, "US", "City"), (109, "Area", None), (102, "VT", None), (86, "NH", None),
    ):  # fmt: skip
        found = made.filter(
            (pl.col("permutation_number") == number) & pl.col("der_variable_name").str.ends_with("_17")
        ).sort("estimate_type_num")
        inside = [row for row in nation if place in ("US", "Area", row[0])]
        if not any(row[3] for row in inside):
            assert found.is_empty()
            continue
        total, error = slow(nation, place, only)
        members = [row for row in inside if only in (None, row[2])]
        count, rate = found.rows(named=True)
        assert count["estimate"] == pytest.approx(total)
        assert count["agency_counts"] == sum(row[3] and row[4] > 0 for row in members)
        assert count["estimate_unweighted"] == sum(row[4] for row in members if row[3])
        assert rate["estimate"] == pytest.approx(total / 1000 * 100_000)
        if np.isnan(error):
            assert count["estimate_standard_error"] is None
            continue
        assert count["estimate_standard_error"] == pytest.approx(error, abs=1e-6)
        assert count["estimate_upper_bound"] == pytest.approx(total + 1.96 * error)
        assert count["estimate_lower_bound"] == pytest.approx(max(total - 1.96 * error, 0), abs=1e-6)
        assert rate["estimate_standard_error"] == pytest.approx(error / 1000 * 100_000, abs=1e-4)


def test_nobody_lives_there() -> None:
    data = given_data([("VT", PLAIN, "City", True, 5, 1, 2.0, 1.0), ("VT", PLAIN, "City", True, 3, 1, 2.0, 1.0)])
    data["coverage"] = data["coverage"].with_columns(population=pl.lit(0, pl.Int64))
    rates = checked(estimate_cells(**data, year=2024), ESTIMATES).filter(pl.col("estimate_type") == "rate")
    assert rates.height > 0
    assert rates["estimate"].null_count() == rates.height


def strata(*sizes: tuple[int, int]) -> list[int]:
    cells = table(
        "weight_cell",
        *(
            {"weight_group": group, "eligible_agencies": N, "responding_agencies": n}
            for group, (N, n) in enumerate(sizes, start=1)
        ),
    ).collect()
    return variance_strata(cells)["stratum"].to_list()


def test_thin_groups_go_to_a_neighbour() -> None:
    assert strata((10, 5), (10, 5)) == [1, 2]
    assert strata((10, 1), (10, 5), (10, 5)) == [1, 1, 3]
    assert strata((10, 5), (4, 3)) == [1, 1]
    assert strata((10, 5), (10, 1), (9, 9), (10, 1)) == [1, 2, 3, 2]
    assert strata((1, 1), (10, 1)) == [1, 2]
