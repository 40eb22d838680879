"""Agencies and the months that they reported: the core datasets that every source delivers.

Source: specification 02, sections 2.3 and 5.2.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

AGENCY = Dataset(
    name="agency",
    description="Every law enforcement agency that the source knows in the data year, reporting or not.",
    source="02 section 5.2",
    primary_key=("agency_id",),
    columns=(
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column("ori", "str", "Originating agency identifier, nine characters."),
        Column("legacy_ori", "str", "ORI under which the agency reported before a renumbering.", is_nullable=True),
        Column("data_year", "int16", "Calendar year that the row describes."),
        Column("agency_name", "str", "Name as the UCR program lists it.", is_nullable=True),
        Column(
            "agency_type_name",
            "str",
            "Kind of agency: City, County, University or College, State Police, ...",
        ),
        Column(
            "agency_status",
            "str",
            "A active, D dormant, F federal, L LEOKA only.",
            codes=("A", "D", "F", "L"),
        ),
        Column("is_covered", "bool", "Another agency reports this agency's crimes."),
        Column("is_dormant", "bool", "The agency is dormant in the data year."),
        Column("state_abbr", "str", "UCR state abbreviation; Nebraska is NB, as in its ORIs."),
        Column("state_name", "str", "Name of the state."),
        Column("region_code", "int8", "Census region: 1 Northeast, 2 Midwest, 3 South, 4 West, 99 other."),
        Column("county_name", "str", "County names, joined by ';'.", is_nullable=True),
        Column("msa_name", "str", "Metropolitan statistical areas, joined by ';'.", is_nullable=True),
        Column("population", "int32", "Residents that the agency serves first.", unit="persons"),
        Column("population_group_code", "str", "UCR population group, 1A to 9E.", is_nullable=True),
        Column("population_group_desc", "str", "UCR population group in words.", is_nullable=True),
        Column("is_nibrs", "bool", "The agency reports incidents (reporting type I), not summaries."),
        Column("nibrs_start_date", "date", "First day of incident-based reporting.", is_nullable=True),
        Column("has_participated", "bool", "At least one month of the data year was reported."),
        Column("male_officers", "int32", "Sworn male officers.", unit="persons", is_nullable=True),
        Column("female_officers", "int32", "Sworn female officers.", unit="persons", is_nullable=True),
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
    description="The months of the data year for which an agency sent its NIBRS report, empty or not.",
    source="02 sections 2.3 and 12.4",
    primary_key=("agency_id", "month"),
    columns=(
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column("ori", "str", "Originating agency identifier."),
        Column("data_year", "int16", "Calendar year."),
        Column("month", "int8", "Month, 1 to 12.", codes=tuple(range(1, 13))),
        Column("status", "str", "I incidents, Z zero report.", codes=("I", "Z")),
        Column(
            "status_source",
            "str",
            "reported: the source says so; inferred: an empty month after the agency's start, taken as a zero report.",
            codes=("reported", "inferred"),
        ),
    ),
)

DATASETS = (AGENCY, REPORT_MONTH)
