"""The weights of all geographies of a synthetic nation: the invariants of handbook 07, and small examples."""

from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from tests.support.frames import table
from tests.support.weighted_nation import YEAR, nation, responding

from nibrs_estimation.model.fields import INCIDENT_LEVELS
from nibrs_estimation.model.weights import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    CONTROLS,
    COUNTY_WEIGHT,
    STATE_WEIGHT_GROUP,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
)
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.weighting.weights import weight_agencies

DATASETS = (WEIGHT_CELL, WEIGHT_CONTROL, AGENCY_WEIGHT, COUNTY_WEIGHT, CALIBRATION_VARIABLE)
KEY = ["geography_level", "geography_code", "weight_group"]
Frames = dict[str, pl.DataFrame]


def weighted(
    frame: pl.DataFrame,
    pieces: pl.DataFrame,
    groups: pl.LazyFrame | None = None,
    year: int = YEAR,
    rule: Literal["corrected", "reference"] = "reference",
) -> Frames:
    of_states = STATE_WEIGHT_GROUP.empty() if groups is None else groups
    made = weight_agencies(frame.lazy(), pieces.lazy(), of_states, year, rule)
    return {dataset.name: checked(made[dataset.name], dataset) for dataset in DATASETS}


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return responding(nation(0.1, 2)[0], 0.8, 1)


@pytest.fixture(scope="module")
def pieces() -> pl.DataFrame:
    return nation(0.1, 2)[1]


@pytest.fixture(scope="module")
def made(frame: pl.DataFrame, pieces: pl.DataFrame) -> Frames:
    return weighted(frame, pieces)


def test_every_weight_has_cells_of_every_kind(made: Frames) -> None:
    cells = made["weight_cell"]
    assert set(cells["geography_level"]) == set(INCIDENT_LEVELS)
    assert {"calibrated", "full_coverage", "inverse_coverage", "equal"} <= set(cells["rule"])


def test_every_agency_is_in_one_group_of_each_geography(frame: pl.DataFrame, made: Frames) -> None:
    """Invariant 4; an agency in two divisions of a metropolitan area is a unit in each."""
    units, cells = made["agency_weight"], made["weight_cell"]
    whole = units.filter(pl.col("geography_level") != "msa").select("geography_level", "geography_code", "agency_id")
    assert not whole.is_duplicated().any()
    counted = units.group_by(KEY).agg(N=pl.len(), n=pl.col("is_respondent").sum())
    joined = cells.join(counted, on=KEY, how="full")
    assert joined.null_count().select("N", "eligible_agencies").row(0) == (0, 0)
    assert (joined["N"] == joined["eligible_agencies"]).all()
    assert (joined["n"] == joined["responding_agencies"]).all()
    for weight in ("nation", "region", "state"):
        assert units.filter(pl.col("geography_level") == weight).height == frame.height


def test_respondents_have_weights_and_others_none(made: Frames) -> None:
    """Invariants 5, 6 and 8."""
    units = made["agency_weight"].join(made["weight_cell"], on=KEY)
    has_weight = pl.col("weight").is_not_null()
    assert units.filter(has_weight != (pl.col("is_respondent") & (pl.col("rule") != "no_response"))).is_empty()
    own = units.filter(has_weight & pl.col("rule").is_in(["full_coverage", "self_representing", "no_crime"]))
    assert (own["weight"] == 1).all()
    fitted = units.filter(has_weight & (pl.col("rule") == "calibrated"))
    assert fitted["weight"].is_finite().all()
    below = fitted.filter(pl.col("weight") < 1 - 1e-6)
    assert set(below["geography_level"]) <= {"nation", "region"}
    assert (fitted["weight"] >= fitted["lower_bound"] * fitted["design_weight"] - 1e-9).all()
    assert (fitted["weight"] <= fitted["upper_bound"] * fitted["design_weight"] + 1e-9).all()
    assert fitted["weight"].min() >= 0.9 - 1e-6  # type: ignore[operator]
    assert (units.filter(has_weight & (pl.col("rule") == "inverse_coverage"))["weight"] >= 1).all()


def test_every_selected_control_is_met_before_proration(frame: pl.DataFrame, made: Frames) -> None:
    """Invariants 7 and 11: Σ w (share x) = T of the cell, from the datasets alone."""
    units = made["agency_weight"].join(frame.drop("state_abbr", "is_respondent"), on="agency_id")
    sums = units.group_by(KEY).agg(
        *(
            (pl.col("population_share") * pl.col(column)).sum().alias(f"{name}_total")
            for name, column in CONTROLS.items()
        ),
        *(
            (pl.col("weight") * pl.col("population_share") * pl.col(column)).sum().alias(f"{name}_weighted")
            for name, column in CONTROLS.items()
        ),
    )
    controls = made["weight_control"].join(sums, on=KEY).join(made["weight_cell"].select(*KEY, "rule"), on=KEY)
    checked_controls = 0
    for name in CONTROLS:
        of = controls.filter(pl.col("control") == name)
        assert of["total"].to_numpy() == pytest.approx(of[f"{name}_total"].to_numpy(), rel=1e-12)
        met = of.filter("is_selected")
        checked_controls += met.height
        assert met[f"{name}_weighted"].to_numpy() == pytest.approx(met["total"].to_numpy(), rel=1e-8, abs=1e-6)
        other = of.filter((pl.col("rule") != "no_response") & ~pl.col("is_selected"))
        assert other["weighted_total"].to_numpy() == pytest.approx(other[f"{name}_weighted"].to_numpy(), rel=1e-9)
    assert checked_controls > 1000
    selected = made["weight_control"].filter("is_selected").select(*KEY, "control")
    values = made["calibration_variable"]
    assert values.join(selected, on=[*KEY, "control"], how="anti").is_empty()
    by_control = (
        values.join(made["agency_weight"], on=[*KEY, "agency_id"])
        .group_by(*KEY, "control")
        .agg((pl.col("weight") * pl.col("value")).sum().alias("sum"))
        .join(made["weight_control"], on=[*KEY, "control"])
    )
    assert by_control["sum"].to_numpy() == pytest.approx(by_control["total"].to_numpy(), rel=1e-8, abs=1e-6)


def test_university_and_tribal_weights_add_up_to_their_agencies(frame: pl.DataFrame, made: Frames) -> None:
    """Invariant 9."""
    for weight, kind in (("university", "University or College"), ("tribal", "Tribal")):
        total = made["agency_weight"].filter(pl.col("geography_level") == weight)["weight"].sum()
        assert total == pytest.approx(frame.filter(pl.col("agency_type_name") == kind).height)


def test_county_weights_add_up_to_the_agencys(made: Frames) -> None:
    """Invariant 10: over its counties in the geography, Σ prorated weight = weight x share there."""
    sums = made["county_weight"].group_by(*KEY, "agency_id").agg(pl.col("prorated_weight").sum())
    units = made["agency_weight"].filter(pl.col("weight").is_not_null()).join(sums, on=[*KEY, "agency_id"], how="left")
    assert units["prorated_weight"].null_count() == 0
    expected = (units["weight"] * units["population_share"]).to_numpy()
    assert units["prorated_weight"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_crossing_numbers_tell_cells_apart(made: Frames) -> None:
    cells = made["weight_cell"]
    numbered = cells.drop_nulls("crossing_number")
    assert not numbered["crossing_number"].is_duplicated().any()
    assert set(cells.filter(pl.col("crossing_number").is_null())["geography_level"]) <= {"university", "tribal", "msa"}
    number = pl.col("crossing_number")
    by_weight = numbered.group_by("geography_level").agg(low=number.min(), high=number.max())
    ranges = {row[0]: row[1:] for row in by_weight.iter_rows()}
    assert ranges["nation"][1] <= 20 < ranges["region"][0]
    assert ranges["region"][1] <= 100 < ranges["state"][0]
    assert ranges["state"][1] <= 712 < ranges["field_office"][0]
    assert ranges["field_office"][1] < ranges["judicial_district"][0]
    assert ranges["judicial_district"][1] < ranges["msa"][0]
    names = made["calibration_variable"].select("variable", *KEY).unique()
    assert not names.drop_nulls().select("variable").is_duplicated().any()


def test_order_of_rows_changes_nothing(frame: pl.DataFrame, pieces: pl.DataFrame, made: Frames) -> None:
    """Invariant 13."""
    shuffled = weighted(
        frame.sample(fraction=1.0, shuffle=True, seed=3), pieces.sample(fraction=1.0, shuffle=True, seed=4)
    )
    for name, expected in made.items():
        assert shuffled[name].equals(expected), name


def test_full_response_gives_weights_of_1(pieces: pl.DataFrame) -> None:
    made = weighted(nation(0.1, 2)[0], pieces)
    assert set(made["weight_cell"]["rule"]) == {"full_coverage", "self_representing", "equal"}
    assert (made["agency_weight"]["weight"] == 1).all()


def test_without_counties_there_are_no_smaller_places(frame: pl.DataFrame, pieces: pl.DataFrame, caplog: Any) -> None:
    made = weighted(frame.filter(pl.col("state_abbr") == "GA"), pieces.clear())
    assert set(made["agency_weight"]["geography_level"]) <= {"nation", "state", "university", "tribal"}
    assert made["county_weight"].is_empty()
    told = [record.message for record in caplog.records]
    assert "No weights of level region: no region has all of its states in this run." in told
    assert "No weights of level msa: no agency is known to be in one (dataset agency_county)." in told


def test_nobody_responds(frame: pl.DataFrame, pieces: pl.DataFrame) -> None:
    with pytest.raises(PipelineError, match=r"None of the [0-9]+ eligible agencies is a respondent"):
        weighted(frame.with_columns(is_respondent=pl.lit(False)), pieces)


def test_shares_that_are_no_shares_are_refused(frame: pl.DataFrame, pieces: pl.DataFrame) -> None:
    first = pieces.filter(pl.col("ori") == frame["ori"][0])["ori"][0]
    wrong = pieces.with_columns(
        population_share=pl.when(pl.col("ori") == first)
        .then(0.4 * pl.col("population_share"))
        .otherwise("population_share")
    )
    with pytest.raises(PipelineError, match=f"do not add up to 1, the first {first} with 0.400000"):
        weighted(frame, wrong)


def test_the_largest_cities_before_2023(frame: pl.DataFrame, pieces: pl.DataFrame) -> None:
    """handbook 07: assaults and robberies are one control."""
    counties = pieces.filter(pl.col("data_year") == YEAR).with_columns(data_year=pl.lit(2022, pl.Int16))
    is_large = pl.col("weight_class") <= 6
    many = frame.with_columns(weight_class=pl.when(is_large).then(1).otherwise("weight_class").cast(pl.Int8))
    made = weighted(many, counties, year=2022)
    combined = made["weight_control"].filter(pl.col("control") == "assault_and_robbery")
    cells = made["weight_cell"].filter(pl.col("controls").str.contains("assault_and_robbery"))
    assert combined.height == cells.height > 0
    for cell in cells.iter_rows(named=True):
        assert cell["weight_group"] == 1
        assert {"aggravated_assault", "robbery"}.isdisjoint(cell["controls"].split(","))
    agg = made["weight_control"].filter(pl.col("control") == "aggravated_assault").select(*KEY, agg="total")
    both = combined.join(agg, on=KEY)
    assert both["total"].to_numpy() == pytest.approx(2 * both["agg"].to_numpy())


def example_13_6(respond: list[bool]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Agency 1 lies in counties X and Y with 0.7 and 0.3; X and Y are judicial districts with other agencies."""
    rows = [
        {"agency_id": i, **dict.fromkeys(("n_total", "n_property", "n_larceny"), 200.0), "is_respondent": r}
        for i, r in enumerate(respond, start=1)
    ]
    places = [
        (1, "50001", 0.7),
        (1, "50003", 0.3),
        *((i, "50001", 1.0) for i in (2, 3)),
        *((i, "50003", 1.0) for i in (4, 5)),
    ]
    counties = table(
        "agency_county",
        *(
            {"data_year": YEAR, "ori": f"VT{i:07d}", "county_fips": fips, "population": 10, "population_share": share,
             "judicial_district_name": {"50001": "X", "50003": "Y"}[fips]}
            for i, fips, share in places
        ),
    )  # fmt: skip
    return table("weighting_frame", *rows).collect(), counties.collect()


def test_proration_example() -> None:
    """handbook 07: what weights give in a county is weight x share x count."""
    made = weighted(*example_13_6([True, True, False, False, True]))
    districts = made["county_weight"].filter(
        (pl.col("geography_level") == "judicial_district") & (pl.col("agency_id") == 1)
    )
    assert districts["population_share"].to_list() == [0.7, 0.3]
    for row in districts.iter_rows(named=True):
        share = {"50001": 0.7, "50003": 0.3}[row["county_fips"]]
        assert row["prorated_weight"] == pytest.approx(row["weight"] * share)
    # X: 140 + 200 of 140 + 200 + 200; Y: 60 + 200 of 60 + 200 + 200.
    totals = made["weight_control"].filter(
        (pl.col("geography_level") == "judicial_district") & (pl.col("control") == "total")
    )
    assert totals["total"].to_list() == pytest.approx([540, 460])
    assert totals["weighted_total"].to_list() == pytest.approx([540, 460])
    state = made["county_weight"].filter((pl.col("geography_level") == "state") & (pl.col("agency_id") == 1))
    assert state["prorated_weight"].sum() == pytest.approx(state["weight"][0])


def test_a_table_of_state_groups_is_followed(frame: pl.DataFrame, pieces: pl.DataFrame) -> None:
    rows = [{"state_abbr": "CA", "super_class": one, "weight_group": 9} for one in "ABZO"]
    groups = table("state_weight_group", *rows)
    made = weighted(frame, pieces, groups)
    cells = made["weight_cell"].filter((pl.col("geography_level") == "state") & (pl.col("geography_code") == "CA"))
    assert set(cells["weight_group"]) <= {9, 10}
    assert "by the table of groups" in cells.filter(pl.col("weight_group") == 9)["merged_from"].item()


def test_one_agency_that_dominates_its_cell_is_listed() -> None:
    """A nonrespondent with nearly all crime: no set of controls can be met, the answer says so, and stays finite."""
    rows = [{"agency_id": i, "n_total": 10.0 + i, "n_property": 10.0 + i, "n_larceny": 10.0 + i} for i in range(1, 13)]
    rows.append({"agency_id": 99, "n_total": 9e6, "n_property": 9e6, "n_larceny": 9e6, "is_respondent": False})
    made = weighted(table("weighting_frame", *rows).collect(), table("agency_county").collect())
    cell = made["weight_cell"].filter(pl.col("geography_level") == "state").row(0, named=True)
    assert cell["rule"] == "inverse_coverage"
    assert cell["controls"] == "total"
    assert np.isfinite(made["agency_weight"]["weight"].drop_nulls().to_numpy()).all()


def test_agencies_of_the_list_lie_in_the_places_that_it_names() -> None:
    """handbook 07: one has a county without district, the other none at all."""
    frame, counties = example_13_6([True, True, False, False, True])
    rows = [{"agency_id": i, "ori": ori, "state_abbr": "CA"} for i, ori in ((10, "CADIT1400"), (11, "MI780219E"))]
    listed = table("weighting_frame", *rows).collect()
    own = table(
        "agency_county",
        {"data_year": YEAR, "ori": "CADIT1400", "county_fips": "06073", "population": 0, "population_share": 1.0},
    ).collect()
    made = weighted(pl.concat([frame, listed]), pl.concat([counties, own]))
    places = (
        made["agency_weight"].filter(pl.col("agency_id") >= 10).select("geography_level", "geography_code", "agency_id")
    )
    assert set(places.filter(pl.col("geography_level").is_in(["judicial_district", "field_office"])).rows()) == {
        ("judicial_district", "California Southern", 10), ("field_office", "San Diego", 10),
        ("field_office", "Detroit", 11),
    }  # fmt: skip
    assert made["county_weight"].filter(pl.col("agency_id") == 11).is_empty()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rape": -5.0}, "column n_rape: -5.0 of VT0000001 is negative"),
        ({"n_total": 7.0}, "column n_total: 7.0 of VT0000001 is not the sum"),
        ({"n_property": 7.0, "n_total": 7.0}, "column n_property: 7.0 of VT0000001 is not the sum"),
    ],
)
def test_impossible_benchmarks_are_refused(change: dict[str, float], message: str) -> None:
    rows: list[dict[str, Any]] = [{"agency_id": 1, **change}, {"agency_id": 2}]
    with pytest.raises(PipelineError, match=message):
        weighted(table("weighting_frame", *rows).collect(), table("agency_county").collect())


def test_shares_beyond_0_and_1_are_refused(frame: pl.DataFrame, pieces: pl.DataFrame) -> None:
    first = frame["ori"][0]
    own = pieces.filter((pl.col("ori") == first) & (pl.col("data_year") == YEAR)).head(1)
    shares = (("01001", 2.0), ("01003", -1.0))
    parts = [own.with_columns(county_fips=pl.lit(fips), population_share=pl.lit(share)) for fips, share in shares]
    with pytest.raises(PipelineError, match="2 shares are not between 0 and 1"):
        weighted(frame, pl.concat([pieces.filter(pl.col("ori") != first), *parts]))


def test_a_cell_without_respondents_is_told(caplog: Any) -> None:
    rows = [{"agency_id": i, "state_abbr": "VT"} for i in (1, 2)]
    rows += [{"agency_id": i, "state_abbr": "ME", "is_respondent": False} for i in (3, 4)]
    made = weighted(table("weighting_frame", *rows).collect(), table("agency_county").collect())
    assert made["weight_cell"].filter(pl.col("geography_code") == "ME")["rule"].to_list() == ["no_response"]
    told = [record.message for record in caplog.records]
    place = "state, ME, Not self-representing - Other strata"
    assert f"{place}: no weights; by default other groups stand for its 2 agencies." in told
