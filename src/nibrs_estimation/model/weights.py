"""Weights: cells and how each was fitted, weights of agencies, checks (handbook 07)."""

from nibrs_estimation.model.fields import (
    AGENCY_ID,
    GEOGRAPHY_CODE,
    GEOGRAPHY_LEVEL,
    STATE,
    WEIGHT_GROUP,
    WEIGHT_RULE,
)
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Controls of the calibration (handbook 07), in the order of the reference's description's searches.
CONTROLS = {
    "total": "n_total",
    "violent": "n_violent",
    "property": "n_property",
    "murder": "n_murder",
    "rape": "n_rape",
    "aggravated_assault": "n_aggravated_assault",
    "burglary": "n_burglary",
    "robbery": "n_robbery",
    "larceny": "n_larceny",
    "vehicle_theft": "n_vehicle_theft",
}


#: Letters of the calibration variables (handbook 07). In regions what is calibrated to viol and prop has none; letter
#: F of the smaller places, aggravated assault and robbery as one, is always 0 there and has no control.
_LARGE = {
    "total": "A",
    "murder": "B",
    "rape": "C",
    "assault_and_robbery": "D",
    "aggravated_assault": "E",
    "burglary": "F",
    "robbery": "G",
    "larceny": "H",
    "vehicle_theft": "I",
}

_SMALL = {
    "total": "A",
    "violent": "B",
    "property": "C",
    "murder": "D",
    "rape": "E",
    "aggravated_assault": "G",
    "burglary": "H",
    "robbery": "I",
    "larceny": "J",
    "vehicle_theft": "K",
}

#: Level -> control -> letter; the weights of universities and tribes are not calibrated.
LETTERS: dict[str, dict[str, str]] = {
    "nation": _LARGE,
    "region": _LARGE,
    "state": _SMALL,
    "university": {},
    "tribal": {},
    "field_office": _SMALL,
    "judicial_district": _SMALL,
    "msa": _SMALL,
}


def variable_name(level: str, crossing: int, control: str) -> str | None:
    """Name of a calibration variable, such as V12_C, or None where the level has no letter for the control.

    Args:
        level: a level of :data:`~nibrs_estimation.model.fields.GEOGRAPHY_LEVELS`.
        crossing: number of the crossing of geography and weight group.
        control: short name of the control.
    """
    letter = LETTERS[level].get(control)
    return None if letter is None else f"V{crossing}_{letter}"


STATE_WEIGHT_GROUP = Dataset(
    name="state_weight_group",
    description="Weight groups of states by a table, instead of by who responded.",
    source="handbook 07",
    primary_key=("state_abbr", "super_class"),
    absence="The weight groups of a state are merged where they have no respondent.",
    columns=(
        STATE,
        Column(
            "super_class",
            "str",
            "A cities of 250,000 or over, B of 100,000 to 249,999 and MSA counties of 100,000 or over, Z agencies "
            "without population, O all others.",
            codes=("A", "B", "Z", "O"),
        ),
        Column("weight_group", "int32", "Weight group, 1 to 12 without 10.", codes=(*range(1, 10), 11, 12)),
    ),
)

WEIGHT_CELL = Dataset(
    name="weight_cell",
    description="Geography x weight group: its agencies, and how their weight was made.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        Column("label", "str", "The weight group in words."),
        Column("crossing_number", "int32", "Number of the crossing of geography and group.", is_nullable=True),
        WEIGHT_RULE,
        Column("eligible_agencies", "int32", "N, eligible agencies.", unit="agencies"),
        Column("responding_agencies", "int32", "n, respondents.", unit="agencies"),
        Column("design_weight", "float64", "d = N/n of the cell, in nation and regions of all.", is_nullable=True),
        Column("crime_coverage", "float64", "r: share of the benchmark's total of respondents.", is_nullable=True),
        Column("lower_bound", "float64", "Smallest allowed g-weight.", is_nullable=True),
        Column("upper_bound", "float64", "Largest allowed g-weight.", is_nullable=True),
        Column("controls", "str", "Controls of the selected model, joined by commas.", is_nullable=True),
        Column("attempts", "int32", "Calibrations tried.", unit="calibrations"),
        Column("largest_miss", "float64", "Largest relative miss of a selected control.", is_nullable=True),
        Column("merged_from", "str", "What was merged into it, and why; missing if nothing was.", is_nullable=True),
    ),
)

WEIGHT_CONTROL = Dataset(
    name="weight_control",
    description="Every control of every cell: its total among all eligible agencies, and what the weights give.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "control"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        Column("control", "str", "Short name.", codes=(*CONTROLS, "assault_and_robbery")),
        Column("is_selected", "bool", "The cell's weights are calibrated to it."),
        Column("total", "float64", "Benchmark of all eligible agencies.", unit="offenses"),
        Column("weighted_total", "float64", "Weighted benchmark of respondents.", unit="offenses", is_nullable=True),
    ),
)

AGENCY_WEIGHT = Dataset(
    name="agency_weight",
    description="Eligible agencies in each geography with their share in it, their group and, of respondents, weight.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        STATE,
        Column("population_share", "float64", "Share of the agency that lies in the geography."),
        Column("is_respondent", "bool", "The agency's data enter the estimates."),
        Column(
            "weight",
            "float64",
            "Weight before proration: of population_share times the agency's counts. Missing for nonrespondents.",
            is_nullable=True,
        ),
    ),
)

COUNTY_WEIGHT = Dataset(
    name="county_weight",
    description="Weights of respondents by county, prorated: of the agency's whole counts.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id", "county_fips"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        Column("county_fips", "str", "State and county FIPS code.", length=5),
        Column("population_share", "float64", "Share of the agency in the county (propMult)."),
        Column("weight", "float64", "Weight before proration."),
        Column("prorated_weight", "float64", "Weight times the share."),
    ),
)

CALIBRATION_VARIABLE = Dataset(
    name="calibration_variable",
    description="Values of the controls to which a cell was calibrated, of its respondents: V{crossing}_{letter}.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id", "control"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        Column("control", "str", "Short name.", codes=(*CONTROLS, "assault_and_robbery")),
        Column("variable", "str", "Name in the reference's files, such as V12_C.", is_nullable=True),
        Column("value", "float64", "Benchmark times the share in the geography.", unit="offenses"),
    ),
)

WEIGHT_CHECK = Dataset(
    name="weight_check",
    description="How the weights of a cell are distributed, and what is wrong with them.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column("weight_group", "int32", "Weight group; 0 for all weighted agencies of the nation."),
        Column("label", "str", "The weight group in words."),
        Column("rule", "str", "How the weights were made.", is_nullable=True),
        Column("is_calibrated", "bool", "All selected controls are met.", is_nullable=True),
        Column("eligible_agencies", "int32", "Eligible agencies.", unit="agencies"),
        Column("responding_agencies", "int32", "Respondents.", unit="agencies"),
        Column("missing_weights", "int32", "Respondents without weight.", unit="agencies"),
        Column("below_1", "int32", "Weights below 1, rounded to six decimals.", unit="agencies"),
        Column("below_0_9", "int32", "Weights below 0.9.", unit="agencies"),
        Column("above_20", "int32", "Weights above 20.", unit="agencies"),
        Column("unequal_weighting_effect", "float64", "1 + Var(w)/mean(w)², Kish.", is_nullable=True),
        *(
            Column(name, "float64", f"Weights: {text}.", is_nullable=True)
            for name, text in {
                "mean": "mean",
                "minimum": "smallest",
                **{f"percentile_{p:02d}": f"percentile {p}" for p in (5, 10, 25, 50, 75, 90, 95)},
                "maximum": "largest",
            }.items()
        ),
        Column("major_problem", "str", "What must be looked at, or missing.", is_nullable=True),
        Column("minor_problem", "str", "What is worth a look, or missing.", is_nullable=True),
    ),
)

TABLE_A = Dataset(
    name="table_a",
    description="Weighted benchmark of respondents beside that of all eligible agencies, with its error and bias.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "grouping", "group", "crime_type"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column(
            "grouping",
            "str",
            "What the rows are cut by.",
            codes=("all", "population_group", "agency_type", "region"),
        ),
        Column("group", "str", "Value of the grouping; all for all agencies."),
        Column("crime_type", "str", "Type of crime.", code_list="srs_benchmark_type"),
        Column("estimate", "float64", "Weighted total of respondents.", unit="offenses"),
        Column("standard_error", "float64", "Of the estimate, by design.", unit="offenses", is_nullable=True),
        Column("relative_standard_error_pct", "float64", "In percent, two decimals.", is_nullable=True),
        Column("benchmark", "float64", "Total of all eligible agencies.", unit="offenses"),
        Column("relative_bias_pct", "float64", "In percent, two decimals.", is_nullable=True),
        Column("is_biased", "bool", "The relative bias exceeds 5 percent."),
    ),
)

DATASETS = (
    STATE_WEIGHT_GROUP,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
    AGENCY_WEIGHT,
    COUNTY_WEIGHT,
    CALIBRATION_VARIABLE,
    WEIGHT_CHECK,
    TABLE_A,
)
