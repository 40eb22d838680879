"""Agencies, the months that they reported, and their history: core datasets that every source provides.

Source: the FBI's database ucr_prd and its public download; handbook 01 and 02.
"""

from nibrs_estimation.model.fields import (
    AGENCY_ID,
    AGENCY_TYPE,
    MONTH,
    MONTHS,
    OF_AGENCY,
    ORI,
    POPULATION,
    REGION,
    STATE,
    YEAR,
)
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Number of years of history that a source provides: the data year and the four years before (handbook 01).
HISTORY_YEARS = 5
#: How a zero report is known that no source states.
INFERRED = ("inferred", "listed")


AGENCY = Dataset(
    name="agency",
    description="Law enforcement agencies in the source, reporting or not: one row for each agency and data year.",
    source="handbook 01",
    primary_key=("data_year", "agency_id"),
    columns=(
        AGENCY_ID,
        ORI,
        Column("legacy_ori", "str", "ORI under which the agency reported before a renumbering.", is_nullable=True),
        YEAR,
        Column("agency_name", "str", "Agency name in the UCR program's list.", is_nullable=True),
        Column("ncic_agency_name", "str", "Agency name in the NCIC list.", is_nullable=True),
        Column("published_agency_name", "str", "Agency name as published.", is_nullable=True),
        Column("published_agency_unit", "str", "Unit of the agency as published.", is_nullable=True),
        AGENCY_TYPE,
        Column(
            "agency_status",
            "str",
            "Status of the agency: A active, D dormant, F federal, L LEOKA only.",
            codes=("A", "D", "F", "L"),
            code_list="agency_status",
        ),
        Column("is_covered", "bool", "True if another agency reports this agency's crimes."),
        Column(
            "covered_by_ori",
            "str",
            "Legacy ORIs of the agencies that report for this agency, separated by ';'.",
            is_nullable=True,
        ),
        Column("is_dormant", "bool", "True if the agency is dormant in the data year."),
        Column(
            "is_direct_contributor", "bool", "True if the agency reports directly to the FBI, not through its state."
        ),
        Column("is_publishable", "bool", "True if the FBI publishes the agency's figures."),
        Column("is_suburban", "bool", "True if the agency is in a suburban area."),
        Column(
            "is_most_in_population", "bool", "True if the agency is on the FBI's list of the most populous agencies."
        ),
        STATE,
        Column("state_name", "str", "Name of the state."),
        REGION,
        Column("county_name", "str", "Names of the agency's counties, sorted, separated by ';'.", is_nullable=True),
        Column(
            "msa_name",
            "str",
            "Names of the agency's metropolitan statistical areas, sorted, separated by ';'.",
            is_nullable=True,
        ),
        Column(
            "metro_division_name",
            "str",
            "Names of the agency's metropolitan divisions, sorted, separated by ';'.",
            is_nullable=True,
        ),
        Column("is_in_msa", "bool", "True if the agency is in a metropolitan statistical area.", is_nullable=True),
        POPULATION,
        Column(
            "population_group_code",
            "str",
            "UCR population group, 1A to 9E.",
            is_nullable=True,
            code_list="population_group",
        ),
        Column("population_group_desc", "str", "Description of the UCR population group.", is_nullable=True),
        Column(
            "submitting_agency_id",
            "int32",
            "Number of the state program that submits the agency's data.",
            is_nullable=True,
        ),
        Column(
            "submitting_agency_sai",
            "str",
            "Identifier of the state program that submits the agency's data.",
            is_nullable=True,
        ),
        Column(
            "submitting_agency_name",
            "str",
            "Name of the state program that submits the agency's data.",
            is_nullable=True,
        ),
        Column(
            "nibrs_certification_date",
            "date",
            "Date on which the state program was certified for NIBRS.",
            is_nullable=True,
        ),
        Column("is_nibrs", "bool", "True if the agency reports incidents (reporting type I), not summaries."),
        Column("nibrs_start_date", "date", "First day of incident-based reporting.", is_nullable=True),
        Column(
            "nibrs_leoka_start_date", "date", "First day of reporting officers assaulted (LEOKA).", is_nullable=True
        ),
        Column("nibrs_cargo_theft_start_date", "date", "First day of reporting cargo theft.", is_nullable=True),
        Column(
            "nibrs_multi_bias_start_date",
            "date",
            "First day of reporting several bias motivations for one offense.",
            is_nullable=True,
        ),
        Column(
            "nibrs_offender_ethnicity_start_date",
            "date",
            "First day of reporting the ethnicity of offenders.",
            is_nullable=True,
        ),
        Column(
            "has_participated",
            "bool",
            "True if the agency reported at least one month of the data year, as incidents or as a summary.",
        ),
        Column(
            "has_participated_nibrs",
            "bool",
            "True if the agency is not covered and reported at least one month of incidents.",
        ),
        Column(
            "has_police_employees", "bool", "True if the year's police employee report counts at least one officer."
        ),
        Column("male_officers", "int32", "Number of sworn male officers.", unit="persons", is_nullable=True),
        Column("male_civilians", "int32", "Number of male civilian employees.", unit="persons", is_nullable=True),
        Column("female_officers", "int32", "Number of sworn female officers.", unit="persons", is_nullable=True),
        Column("female_civilians", "int32", "Number of female civilian employees.", unit="persons", is_nullable=True),
        Column(
            "judicial_district_code",
            "str",
            "Code of the federal judicial district.",
            is_nullable=True,
            references="judicial_district.judicial_district_code",
        ),
        Column(
            "field_office_code",
            "str",
            "Code of the FBI field office.",
            is_nullable=True,
            references="field_office.field_office_code",
        ),
        Column(
            "universe_scope",
            "str",
            "Agencies that the source lists: all agencies, only those that reported, or all agencies of a synthetic "
            "nation.",
            codes=("all", "reporting", "synthetic"),
        ),
    ),
)

REPORT_MONTH = Dataset(
    name="report_month",
    description="Months for which an agency sent a report or zero report: the data year and the four years before.",
    source="the FBI's database ucr_prd (monthly forms) and its public download (NIBRS_month.csv)",
    primary_key=("agency_id", "data_year", "month", "form_code"),
    columns=(
        OF_AGENCY,
        ORI,
        YEAR,
        MONTH,
        Column(
            "form_code",
            "str",
            "Form of the report: N incidents (NIBRS), R summary (Return A).",
            codes=("N", "R"),
            code_list="form_code",
        ),
        Column(
            "status",
            "str",
            "Content of the report: I incidents, Z zero report, U unknown.",
            codes=("I", "Z", "U"),
            code_list="report_status",
        ),
        Column(
            "status_source",
            "str",
            "How it is known. reported: the source states it; inferred: a month without incidents after the agency's "
            "start of NIBRS, counted as a zero report; listed: the same, with a start that only the list of agencies "
            "tells.",
            codes=("reported", *INFERRED),
        ),
    ),
)

AGENCY_MONTH_OFFENSE = Dataset(
    name="agency_month_offense",
    description="Offenses of an agency by month of incident and code: the data year and the four years before.",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month", "offense_code"),
    columns=(
        OF_AGENCY,
        ORI,
        YEAR,
        Column("month", "int8", "Month of the incident date.", codes=MONTHS),
        Column(
            "offense_code", "str", "NIBRS offense code; 'none' for incidents without an offense.", code_list="offense"
        ),
        Column("n", "int32", "Number of offense segments.", unit="offenses"),
        Column(
            "n_summary",
            "int32",
            "Number of these that a summary report counts: those of the most serious Part I offense of their incident, "
            "and simple assaults and intimidations of incidents without one (hierarchy rule); of arson and all other "
            "codes, all. Missing if the source cannot tell.",
            unit="offenses",
            is_nullable=True,
        ),
    ),
)

SRS_MONTH = Dataset(
    name="srs_month",
    description="Offenses of an agency by month, as counted in its summary report (Return A).",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month", "item_code"),
    absence="SRS-only agencies have no monthly counts, so there is no benchmark from recent summary reports and no SRS "
    "imputation.",
    columns=(
        OF_AGENCY,
        YEAR,
        MONTH,
        Column("item_code", "int8", "Line of the Return A, 0 to 28.", codes=tuple(range(29)), code_list="srs_item"),
        Column("n", "int32", "Number of actual offenses; negative for some corrections.", unit="offenses"),
    ),
)

#: Datasets that every source provides.
DATASETS = (AGENCY, REPORT_MONTH, AGENCY_MONTH_OFFENSE)
