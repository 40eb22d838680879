"""The weights: frame with benchmark, cells and how each was fitted, weights of agencies, checks.

Source: specification 05 (weighting), 07 section 10 (populations and coverage).
"""

from nibrs_estimation.model.agency import AGENCY_ID
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Crimes of the benchmark, by code of the list ``srs_benchmark_type``, and their columns (05 section 2.1).
CRIMES = {
    "total": "n_total",
    "violent": "n_violent",
    "property": "n_property",
    "murder": "n_murder",
    "manslaughter": "n_manslaughter",
    "rape": "n_rape",
    "rob": "n_robbery",
    "assault": "n_assault",
    "aggAssault": "n_aggravated_assault",
    "simpAssault": "n_simple_assault",
    "burglary": "n_burglary",
    "larceny": "n_larceny",
    "vhcTheft": "n_vehicle_theft",
}
#: Rows of Table A, in its order (05 section 10.3).
TABLE_A_ROWS = {
    "total": "All Crime",
    "violent": "All Violent",
    "murder": "Murder",
    "manslaughter": "Manslaughter",
    "rape": "Rape",
    "rob": "Robbery",
    "assault": "Assault",
    "aggAssault": "Aggravated Assault",
    "simpAssault": "Simple Assault",
    "property": "All Property",
    "burglary": "Burglary",
    "larceny": "Larceny",
    "vhcTheft": "Vehicle Theft",
}
#: Which crimes add up to a sum. Violent crime holds manslaughter by negligence, property crime no arson.
VIOLENT = ("murder", "manslaughter", "rape", "rob", "aggAssault")
PROPERTY = ("burglary", "larceny", "vhcTheft")

#: Controls of the calibration (05 section 4.5), in the order of the specification's searches.
CONTROLS = {
    "tot": "n_total",
    "viol": "n_violent",
    "prop": "n_property",
    "murder": "n_murder",
    "rape": "n_rape",
    "agg": "n_aggravated_assault",
    "burg": "n_burglary",
    "rob": "n_robbery",
    "larc": "n_larceny",
    "mvt": "n_vehicle_theft",
}

#: Weight -> the level of its geographies.
WEIGHT_LEVELS = {
    "NationalWgt": "nation",
    "RegionWgt": "region",
    "StateWgt": "state",
    "UniversityWgt": "university",
    "TribalWgt": "tribal",
    "FOWgt": "field_office",
    "JDWgt": "judicial_district",
    "MSAWgt": "msa",
}

#: Letters of the calibration variables (05 section 7). In regions what is calibrated to viol and prop has none; letter
#: F of the smaller places, aggravated assault and robbery as one, is always 0 there and has no control.
_LARGE = {
    "tot": "A",
    "murder": "B",
    "rape": "C",
    "aggrob": "D",
    "agg": "E",
    "burg": "F",
    "rob": "G",
    "larc": "H",
    "mvt": "I",
}
_SMALL = {
    "tot": "A",
    "viol": "B",
    "prop": "C",
    "murder": "D",
    "rape": "E",
    "agg": "G",
    "burg": "H",
    "rob": "I",
    "larc": "J",
    "mvt": "K",
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
        level: a level of :data:`WEIGHT_LEVELS`.
        crossing: number of the crossing of geography and weight group.
        control: short name of the control.
    """
    letter = LETTERS[level].get(control)
    return None if letter is None else f"V{crossing}_{letter}"


_WEIGHT = Column("weight_variable", "str", "Name of the weight.", codes=tuple(WEIGHT_LEVELS))
_LEVEL = Column("geography_level", "str", "Kind of geography.", codes=tuple(WEIGHT_LEVELS.values()))
_CODE = Column("geography_code", "str", "US, region code, state abbreviation, or name of the area.")
_GROUP = Column(
    "weight_group",
    "int32",
    "Weight group within the geography; of merged groups the smallest. Groups of metropolitan areas: 3k + 1, 2, 3 for "
    "division k, and the last for self-representing agencies.",
)
_STATE = Column("state_abbr", "str", "UCR state abbreviation; Nebraska is NB.")
_ORI = Column("ori", "str", "Originating agency identifier.", length=9)

STATE_WEIGHT_GROUP = Dataset(
    name="state_weight_group",
    description="Weight groups of states by a table, instead of by who responded.",
    source="05 section 5.4",
    primary_key=("state_abbr", "super_class"),
    absence="The weight groups of a state are merged where they have no respondent.",
    columns=(
        _STATE,
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

WEIGHTING_FRAME = Dataset(
    name="weighting_frame",
    description="Eligible agencies with the crimes of a full year to which weights are calibrated, and who responded.",
    source="05 sections 1 and 2",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        _ORI,
        _STATE,
        Column("region_code", "int8", "Census region 1 to 4."),
        Column("agency_type_name", "str", "Kind of agency."),
        Column("population", "int32", "Residents that the agency serves first.", unit="persons"),
        Column("population_group_code", "str", "UCR population group."),
        Column("weight_class", "int8", "Class of nation and regions, 1 to 20.", code_list="weight_class"),
        Column("substate_class", "int8", "Class of states and smaller places, 1 to 22.", code_list="substate_class"),
        Column("months_usable", "int8", "Months reported from the start on, less the low ones.", unit="months"),
        Column("is_respondent", "bool", "Its incidents enter the estimates (resp_ind_m3)."),
        Column(
            "nonresponse_reason",
            "str",
            "The first rule of a respondent that it fails, or missing.",
            is_nullable=True,
            codes=(
                "reports no incidents",
                "fewer than three usable months",
                "not in the incident data",
                "started after October",
                "not completed",
            ),
        ),
        Column(
            "benchmark_source",
            "str",
            "recent: its own Return A; smoothed: the file of smoothed counts; own: its own completed incident counts; "
            "donor: those of an agency of its class.",
            codes=("recent", "smoothed", "own", "donor"),
        ),
        Column("benchmark_year", "int16", "Year of the counts; missing if smoothed or of a donor.", is_nullable=True),
        Column("benchmark_donor_id", "int32", "The donor.", is_nullable=True, references="agency.agency_id"),
        *(
            Column(column, "float64", f"Benchmark of a full year: {code}.", unit="offenses")
            for code, column in CRIMES.items()
        ),
    ),
)

WEIGHTING_ISSUE = Dataset(
    name="weighting_issue",
    description="What was odd in the benchmark and in the pieces of agencies, and the rule by which it was handled.",
    source="05 sections 2, 3 and 5",
    primary_key=("issue",),
    columns=(
        Column("issue", "str", "Kind of the oddity."),
        Column("n_agencies", "int32", "Agencies concerned.", unit="agencies"),
        Column("first_agency", "str", "ORI of the first of them.", is_nullable=True),
        Column("rule", "str", "What was done."),
    ),
)

WEIGHT_CELL = Dataset(
    name="weight_cell",
    description="Geography x weight group: its agencies, and how their weight was made.",
    source="05 sections 4 and 5",
    primary_key=("weight_variable", "geography_code", "weight_group"),
    columns=(
        _WEIGHT,
        _LEVEL,
        _CODE,
        _GROUP,
        Column("label", "str", "The weight group in words."),
        Column("crossing_number", "int32", "Number of the crossing of geography and group.", is_nullable=True),
        Column(
            "rule",
            "str",
            "calibrated: to controls; full_coverage: respondents have 0.99 of the crime or are all agencies, weight 1; "
            "self_representing: large, weight 1; inverse_coverage: no set of controls can be met, weight 1/r; "
            "equal: N/n; no_crime: nobody has crime, weight 1; no_response: no weight.",
            codes=(
                "calibrated",
                "full_coverage",
                "self_representing",
                "inverse_coverage",
                "equal",
                "no_crime",
                "no_response",
            ),
        ),
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
    source="05 sections 4.1, 4.2 and 7",
    primary_key=("weight_variable", "geography_code", "weight_group", "control"),
    columns=(
        _WEIGHT,
        _CODE,
        _GROUP,
        Column("control", "str", "Short name.", codes=(*CONTROLS, "aggrob")),
        Column("is_selected", "bool", "The cell's weights are calibrated to it."),
        Column("total", "float64", "Benchmark of all eligible agencies.", unit="offenses"),
        Column("weighted_total", "float64", "Weighted benchmark of respondents.", unit="offenses", is_nullable=True),
    ),
)

AGENCY_WEIGHT = Dataset(
    name="agency_weight",
    description="Eligible agencies in each geography with their share in it, their group and, of respondents, weight.",
    source="05 sections 5, 6 and 8",
    primary_key=("weight_variable", "geography_code", "weight_group", "agency_id"),
    columns=(
        _WEIGHT,
        _CODE,
        _GROUP,
        AGENCY_ID,
        _STATE,
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
    source="05 sections 8 and 12",
    primary_key=("weight_variable", "geography_code", "weight_group", "agency_id", "county_fips"),
    columns=(
        _WEIGHT,
        _CODE,
        _GROUP,
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
    source="05 section 7",
    primary_key=("weight_variable", "geography_code", "weight_group", "agency_id", "control"),
    columns=(
        _WEIGHT,
        _CODE,
        _GROUP,
        AGENCY_ID,
        Column("control", "str", "Short name.", codes=(*CONTROLS, "aggrob")),
        Column("variable", "str", "Name in the reference's files, such as V12_C.", is_nullable=True),
        Column("value", "float64", "Benchmark times the share in the geography.", unit="offenses"),
    ),
)

WEIGHT_CHECK = Dataset(
    name="weight_check",
    description="How the weights of a cell are distributed, and what is wrong with them.",
    source="05 sections 10.1 and 10.2",
    primary_key=("weight_variable", "geography_code", "weight_group"),
    columns=(
        _WEIGHT,
        _LEVEL,
        _CODE,
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
    source="05 section 10.3",
    primary_key=("weight_variable", "geography_code", "grouping", "group", "crime_type"),
    columns=(
        _WEIGHT,
        _LEVEL,
        _CODE,
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

PERMUTATION_POPULATION = Dataset(
    name="permutation_population",
    description="Residents of each geography by demographic group, and its officers: of all and of respondents.",
    source="05 section 9; 07 section 10",
    primary_key=("permutation_number", "population_key"),
    columns=(
        Column("permutation_number", "int32", "Number of the geography."),
        Column("population_key", "str", "Who is counted.", code_list="population_key"),
        Column("population", "float64", "Of all eligible agencies (DER_POP_..._NUM_WEIGHTED).", unit="persons"),
        Column("population_responding", "float64", "Of respondents (DER_POP_..._NUM).", unit="persons"),
    ),
)

DATASETS = (
    STATE_WEIGHT_GROUP,
    WEIGHTING_FRAME,
    WEIGHTING_ISSUE,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
    AGENCY_WEIGHT,
    COUNTY_WEIGHT,
    CALIBRATION_VARIABLE,
    WEIGHT_CHECK,
    TABLE_A,
    PERMUTATION_POPULATION,
)
