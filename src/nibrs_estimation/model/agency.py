"""Agencies, the months that they reported, and their history: the core datasets that every source delivers.

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

#: How many data years a source delivers of what is history: the data year and the four before (handbook 01).
HISTORY_YEARS = 5


AGENCY = Dataset(
    name="agency",
    description="Every law enforcement agency that the source knows, reporting or not: one row for each data year.",
    source="handbook 01",
    primary_key=("data_year", "agency_id"),
    columns=(
        AGENCY_ID,
        ORI,
        Column("legacy_ori", "str", "ORI under which the agency reported before a renumbering.", is_nullable=True),
        YEAR,
        Column("agency_name", "str", "Name as the UCR program lists it.", is_nullable=True),
        Column("ncic_agency_name", "str", "Name as NCIC lists it.", is_nullable=True),
        Column("published_agency_name", "str", "Name as published.", is_nullable=True),
        Column("published_agency_unit", "str", "Unit of the agency, as published.", is_nullable=True),
        AGENCY_TYPE,
        Column(
            "agency_status",
            "str",
            "A active, D dormant, F federal, L LEOKA only.",
            codes=("A", "D", "F", "L"),
            code_list="agency_status",
        ),
        Column("is_covered", "bool", "Another agency reports this agency's crimes."),
        Column("covered_by_ori", "str", "Legacy ORIs of the agencies that cover it, joined by ';'.", is_nullable=True),
        Column("is_dormant", "bool", "The agency is dormant in the data year."),
        Column("is_direct_contributor", "bool", "It reports to the FBI itself, not through its state."),
        Column("is_publishable", "bool", "The FBI publishes its figures."),
        Column("is_suburban", "bool", "It lies in a suburban area."),
        Column("is_most_in_population", "bool", "It is on the FBI's list of the most populous agencies."),
        STATE,
        Column("state_name", "str", "Name of the state."),
        REGION,
        Column("county_name", "str", "County names, sorted, joined by ';'.", is_nullable=True),
        Column("msa_name", "str", "Metropolitan statistical areas, sorted, joined by ';'.", is_nullable=True),
        Column("metro_division_name", "str", "Metropolitan divisions, sorted, joined by ';'.", is_nullable=True),
        Column("is_in_msa", "bool", "The agency lies in a metropolitan statistical area.", is_nullable=True),
        POPULATION,
        Column(
            "population_group_code",
            "str",
            "UCR population group, 1A to 9E.",
            is_nullable=True,
            code_list="population_group",
        ),
        Column("population_group_desc", "str", "UCR population group in words.", is_nullable=True),
        Column("submitting_agency_id", "int32", "Number of the state's program that submits for it.", is_nullable=True),
        Column("submitting_agency_sai", "str", "Identifier of that program.", is_nullable=True),
        Column("submitting_agency_name", "str", "Name of that program.", is_nullable=True),
        Column("nibrs_certification_date", "date", "When that program was certified for NIBRS.", is_nullable=True),
        Column("is_nibrs", "bool", "The agency reports incidents (reporting type I), not summaries."),
        Column("nibrs_start_date", "date", "First day of incident-based reporting.", is_nullable=True),
        Column("nibrs_leoka_start_date", "date", "First day of reporting officers assaulted.", is_nullable=True),
        Column("nibrs_cargo_theft_start_date", "date", "First day of reporting cargo theft.", is_nullable=True),
        Column("nibrs_multi_bias_start_date", "date", "First day of several biases an offense.", is_nullable=True),
        Column(
            "nibrs_offender_ethnicity_start_date",
            "date",
            "First day of reporting offenders' ethnicity.",
            is_nullable=True,
        ),
        Column("has_participated", "bool", "At least one month of the data year was reported, in either form."),
        Column("has_participated_nibrs", "bool", "Not covered, and at least one month of incident reports."),
        Column("has_police_employees", "bool", "The year's police employee report counts at least one officer."),
        Column("male_officers", "int32", "Sworn male officers.", unit="persons", is_nullable=True),
        Column("male_civilians", "int32", "Male civilian employees.", unit="persons", is_nullable=True),
        Column("female_officers", "int32", "Sworn female officers.", unit="persons", is_nullable=True),
        Column("female_civilians", "int32", "Female civilian employees.", unit="persons", is_nullable=True),
        Column(
            "judicial_district_code",
            "str",
            "Federal judicial district.",
            is_nullable=True,
            references="judicial_district.judicial_district_code",
        ),
        Column(
            "field_office_code",
            "str",
            "FBI field office.",
            is_nullable=True,
            references="field_office.field_office_code",
        ),
        Column(
            "universe_scope",
            "str",
            "What the source's list of agencies holds: all agencies, only those that reported something, or all of a "
            "synthetic nation.",
            codes=("all", "reporting", "synthetic"),
        ),
    ),
)

REPORT_MONTH = Dataset(
    name="report_month",
    description="The months for which an agency sent a report, empty or not: the data year and the four before.",
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
            "N incidents (NIBRS), R summary (Return A).",
            codes=("N", "R"),
            code_list="form_code",
        ),
        Column(
            "status",
            "str",
            "I incidents, Z zero report, U the form does not say.",
            codes=("I", "Z", "U"),
            code_list="report_status",
        ),
        Column(
            "status_source",
            "str",
            "reported: the source says so; inferred: an empty month after the agency's start, taken as a zero report.",
            codes=("reported", "inferred"),
        ),
    ),
)

AGENCY_MONTH_OFFENSE = Dataset(
    name="agency_month_offense",
    description="Offenses of an agency by month of the incident and offense code: the data year and the four before.",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month", "offense_code"),
    columns=(
        OF_AGENCY,
        ORI,
        YEAR,
        Column("month", "int8", "Month of the incident date.", codes=MONTHS),
        Column(
            "offense_code", "str", "NIBRS offense code; 'none' counts incidents without offense.", code_list="offense"
        ),
        Column("n", "int32", "Offense segments.", unit="offenses"),
    ),
)

SRS_MONTH = Dataset(
    name="srs_month",
    description="Offenses of an agency by month as its summary report (Return A) counts them.",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month", "item_code"),
    absence="SRS-only agencies have no monthly counts: no benchmark from recent summary reports, no SRS imputation.",
    columns=(
        OF_AGENCY,
        YEAR,
        MONTH,
        Column("item_code", "int8", "Line of the Return A, 0 to 28.", codes=tuple(range(29)), code_list="srs_item"),
        Column("n", "int32", "Actual offenses; corrections may be negative.", unit="offenses"),
    ),
)

#: Those that every source delivers.
DATASETS = (AGENCY, REPORT_MONTH, AGENCY_MONTH_OFFENSE)
