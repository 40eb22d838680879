"""Weights: weight cells and how their weights were computed, weights of agencies, checks (handbook 07)."""

from nibrs_estimation.model.fields import (
    AGENCY_ID,
    GEOGRAPHY_CODE,
    GEOGRAPHY_LEVEL,
    STATE,
    WEIGHT_GROUP,
    WEIGHT_RULE,
)
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Controls of the calibration (handbook 07), in the order in which the reference method searches them.
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


#: Letters of the calibration variables (handbook 07). In regions, the controls violent and property have no letter.
#: Letter F of the smaller areas, aggravated assault plus robbery, is always 0 in the reference and has no control.
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

#: Level -> control -> letter. The weights of universities and tribal agencies are not calibrated.
LETTERS: dict[str, dict[str, str]] = {
    "nation": _LARGE,
    "region": _LARGE,
    "state": _SMALL,
    "university": {},
    "tribal": {},
    "field_office": _SMALL,
    "judicial_district": _SMALL,
    "msa": _SMALL,
    "division": _LARGE,
    "metro_division": _SMALL,
}


def variable_name(level: str, crossing: int, control: str) -> str | None:
    """Name of a calibration variable, such as V12_C; None if the level has no letter for the control.

    Args:
        level: a level of :data:`~nibrs_estimation.model.fields.GEOGRAPHY_LEVELS`.
        crossing: number of the combination of geography and weight group.
        control: short name of the control.
    """
    letter = LETTERS[level].get(control)
    return None if letter is None else f"V{crossing}_{letter}"


STATE_WEIGHT_GROUP = Dataset(
    name="state_weight_group",
    description="Weight groups of states given by a table, instead of computed from the respondents.",
    source="handbook 07",
    primary_key=("state_abbr", "super_class"),
    absence="Weight groups of a state without respondents are merged.",
    columns=(
        STATE,
        Column(
            "super_class",
            "str",
            "A: cities of 250,000 or more; B: cities of 100,000 to 249,999 and MSA counties of 100,000 or more; Z: "
            "agencies without population; O: all others.",
            codes=("A", "B", "Z", "O"),
        ),
        Column("weight_group", "int32", "Weight group, 1 to 12 except 10.", codes=(*range(1, 10), 11, 12)),
    ),
)

WEIGHT_CELL = Dataset(
    name="weight_cell",
    description="Weight cells (geography x weight group): their agencies, and how their weights were computed.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        Column("label", "str", "Description of the weight group."),
        Column(
            "crossing_number", "int32", "Number of the combination of geography and weight group.", is_nullable=True
        ),
        WEIGHT_RULE,
        Column("eligible_agencies", "int32", "N: number of eligible agencies.", unit="agencies"),
        Column("responding_agencies", "int32", "n: number of respondents.", unit="agencies"),
        Column(
            "design_weight",
            "float64",
            "Design weight d = N/n of the cell; in the nation and regions, of all cells.",
            is_nullable=True,
        ),
        Column("crime_coverage", "float64", "r: respondents' share of the benchmark total.", is_nullable=True),
        Column("lower_bound", "float64", "Smallest allowed g-weight.", is_nullable=True),
        Column("upper_bound", "float64", "Largest allowed g-weight.", is_nullable=True),
        Column("controls", "str", "Controls of the selected model, separated by commas.", is_nullable=True),
        Column("attempts", "int32", "Number of calibrations tried.", unit="calibrations"),
        Column(
            "giants_apart",
            "int32",
            "Number of large nonrespondents that stand apart: the controls can be met only without them, so they count "
            "by their benchmark total times the ratio of the respondents.",
            unit="agencies",
        ),
        Column(
            "largest_miss",
            "float64",
            "Largest relative difference from the total of a selected control.",
            is_nullable=True,
        ),
        Column(
            "merged_from",
            "str",
            "Weight groups that were merged into this cell, with the reason; missing if none.",
            is_nullable=True,
        ),
    ),
)

WEIGHT_CONTROL = Dataset(
    name="weight_control",
    description="Controls of each weight cell: benchmark total, and weighted total of respondents.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "control"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        Column("control", "str", "Name of the control.", codes=(*CONTROLS, "assault_and_robbery")),
        Column("is_selected", "bool", "True if the weights of the cell are calibrated to this control."),
        Column("total", "float64", "Benchmark total of all eligible agencies.", unit="offenses"),
        Column(
            "weighted_total", "float64", "Weighted benchmark total of respondents.", unit="offenses", is_nullable=True
        ),
    ),
)

AGENCY_WEIGHT = Dataset(
    name="agency_weight",
    description="Eligible agencies in each geography: share in the geography, weight group, and weight if respondent.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        STATE,
        Column("population_share", "float64", "Share of the agency's population in the geography."),
        Column("is_respondent", "bool", "True if the agency's data are used in the estimates."),
        Column(
            "weight",
            "float64",
            "Weight before proration, to be applied to population_share x the agency's counts. Missing for "
            "nonrespondents.",
            is_nullable=True,
        ),
    ),
)

COUNTY_WEIGHT = Dataset(
    name="county_weight",
    description="Prorated weights of respondents by county, to be applied to the agency's total counts.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id", "county_fips"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        Column("county_fips", "str", "State and county FIPS code.", length=5),
        Column("population_share", "float64", "Share of the agency's population in the county (propMult)."),
        Column("weight", "float64", "Weight before proration."),
        Column("prorated_weight", "float64", "Weight x population_share."),
    ),
)

CALIBRATION_VARIABLE = Dataset(
    name="calibration_variable",
    description="Calibration variables of respondents: values of the controls to which the cell was calibrated.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group", "agency_id", "control"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        WEIGHT_GROUP,
        AGENCY_ID,
        Column("control", "str", "Name of the control.", codes=(*CONTROLS, "assault_and_robbery")),
        Column("variable", "str", "Name of the variable in the reference files, such as V12_C.", is_nullable=True),
        Column("value", "float64", "Benchmark of the agency x its share in the geography.", unit="offenses"),
    ),
)

WEIGHT_CHECK = Dataset(
    name="weight_check",
    description="Distribution of the weights of each cell, and problems found.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "weight_group"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column("weight_group", "int32", "Weight group; 0 for all weighted agencies of the nation."),
        Column("label", "str", "Description of the weight group."),
        Column("rule", "str", "How the weights were computed.", is_nullable=True),
        Column("is_calibrated", "bool", "True if all selected controls are met.", is_nullable=True),
        Column("eligible_agencies", "int32", "Number of eligible agencies.", unit="agencies"),
        Column("responding_agencies", "int32", "Number of respondents.", unit="agencies"),
        Column("missing_weights", "int32", "Number of respondents without a weight.", unit="agencies"),
        Column("below_1", "int32", "Number of weights below 1 (after rounding to six decimals).", unit="agencies"),
        Column("below_0_9", "int32", "Number of weights below 0.9.", unit="agencies"),
        Column("above_20", "int32", "Number of weights above 20.", unit="agencies"),
        Column(
            "unequal_weighting_effect",
            "float64",
            "Kish's unequal weighting effect, 1 + Var(w)/mean(w)².",
            is_nullable=True,
        ),
        *(
            Column(name, "float64", f"{text} of the weights.", is_nullable=True)
            for name, text in {
                "mean": "Mean",
                "minimum": "Minimum",
                **{f"percentile_{p:02d}": f"Percentile {p}" for p in (5, 10, 25, 50, 75, 90, 95)},
                "maximum": "Maximum",
            }.items()
        ),
        Column("major_problem", "str", "Problem that must be reviewed; missing if none.", is_nullable=True),
        Column("minor_problem", "str", "Problem that is worth a review; missing if none.", is_nullable=True),
    ),
)

TABLE_A = Dataset(
    name="table_a",
    description="Weighted benchmark total of respondents compared with the total of all eligible agencies.",
    source="handbook 07",
    primary_key=("geography_level", "geography_code", "grouping", "group", "crime_type"),
    columns=(
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column(
            "grouping",
            "str",
            "Variable by which the rows are grouped.",
            codes=("all", "population_group", "agency_type", "region"),
        ),
        Column("group", "str", "Value of the grouping variable; all for all agencies."),
        Column("crime_type", "str", "Type of crime.", code_list="srs_benchmark_type"),
        Column("estimate", "float64", "Weighted total of respondents.", unit="offenses"),
        Column(
            "standard_error",
            "float64",
            "Design-based standard error of the estimate.",
            unit="offenses",
            is_nullable=True,
        ),
        Column(
            "relative_standard_error_pct",
            "float64",
            "Relative standard error in percent, two decimals.",
            is_nullable=True,
        ),
        Column("benchmark", "float64", "Total of all eligible agencies.", unit="offenses"),
        Column("relative_bias_pct", "float64", "Relative bias in percent, two decimals.", is_nullable=True),
        Column("is_biased", "bool", "True if the relative bias exceeds 5 percent."),
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
