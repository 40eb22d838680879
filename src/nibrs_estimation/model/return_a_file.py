"""The Return A master file: agencies, the months that they reported, and the counts of each month and card.

One file holds one year of all agencies. Source: docs/return-a-file.md, after the FBI's "Return A master file record
description".
"""

from nibrs_estimation.model.codes import labels
from nibrs_estimation.model.fields import MONTH, ORI, POPULATION, STATE, YEAR
from nibrs_estimation.model.return_a import PARTS_OF_CRIMES
from nibrs_estimation.pipeline.dataset import Column, Dataset

_SOURCE = "docs/return-a-file.md"

#: Cards of the form that count offenses. Card 4 counts officers.
UNFOUNDED, ACTUAL, CLEARED, CLEARED_UNDER_18 = CARDS = tuple(range(4))
#: Items that the file has on each card, and the columns that hold them.
ITEMS = tuple(range(26))
ITEM_COLUMNS = tuple(f"item_{item}" for item in ITEMS)
#: The items that a month of totals only leaves out.
DETAIL_COLUMNS = tuple(ITEM_COLUMNS[item] for item in PARTS_OF_CRIMES if item in ITEMS)
#: Columns of what card 4 counts.
OFFICER_COLUMNS = ("officers_killed", "officers_killed_by_accident", "officers_assaulted")
#: Blocks of counties in a record.
COUNTIES = (1, 2, 3)
#: Agencies that report all twelve months but count offenses only in some: kind -> these months.
LUMPED_MONTHS = {"annual": (12,), "semiannual": (6, 12), "quarterly": (3, 6, 9, 12)}

_ORI7 = Column("ori7", "str", "First seven characters of the originating agency identifier (ORI).", length=7)


def _item_columns() -> tuple[Column, ...]:
    label_of = labels("srs_item")
    return tuple(
        Column(name, "int32", f"{label_of[str(item)]}; corrections may be negative.", unit="offenses", is_nullable=True)
        for item, name in zip(ITEMS, ITEM_COLUMNS, strict=True)
    )


RETURN_A_AGENCY = Dataset(
    name="return_a_agency",
    description="Every agency of a Return A master file, reporting or not.",
    source=_SOURCE,
    primary_key=("data_year", "ori7"),
    columns=(
        YEAR,
        _ORI7,
        Column(
            "ori",
            ORI.type,
            "Nine-character ORI: the seven characters of the file and 00, the usual last two.",
            length=9,
        ),
        STATE,
        Column("division_code", "int8", "Census division.", is_nullable=True, code_list="division"),
        Column("agency_name", "str", "Name as the UCR program lists it.", is_nullable=True),
        Column(
            "agency_type_name",
            "str",
            "Type of agency, such as City or County; missing for covered agencies.",
            is_nullable=True,
        ),
        Column("population_group_code", "str", "UCR population group.", is_nullable=True, code_list="population_group"),
        Column("is_covered", "bool", "True if another agency reports the offenses of this agency."),
        Column(
            "covered_by_ori7",
            "str",
            "Seven characters of the ORI of the agency that reports for a covered agency.",
            is_nullable=True,
            length=7,
        ),
        Column(
            "is_eligible",
            "bool",
            "True if the agency is in the 50 states or the District of Columbia and is not covered.",
        ),
        POPULATION,
        *(
            column
            for number in COUNTIES
            for column in (
                Column(f"county_{number}_code", "str", f"UCR code of county {number}.", is_nullable=True, length=3),
                Column(
                    f"county_{number}_msa_code",
                    "str",
                    f"UCR code of the metropolitan area of county {number}.",
                    is_nullable=True,
                ),
                Column(
                    f"county_{number}_population",
                    "int32",
                    f"Residents of the agency in county {number}.",
                    unit="persons",
                ),
            )
        ),
        Column(
            "census_population",
            "int32",
            "Residents at the last census; 0 in most records.",
            unit="persons",
            is_nullable=True,
        ),
        Column("is_core_city", "bool", "True if the agency is a core city of a metropolitan area.", is_nullable=True),
        Column("judicial_district_code", "str", "Code of the federal judicial district.", is_nullable=True, length=4),
        Column("field_office_code", "str", "Code of the FBI field office.", is_nullable=True, length=4),
        Column(
            "last_month_reported",
            "int8",
            "Last month that was reported, according to the record; 0 for none.",
            is_nullable=True,
        ),
        Column("months_reported", "int8", "Number of months that were reported.", unit="months"),
        Column(
            "lumped_kind",
            "str",
            "Agency with twelve reported months that has all offenses of the year in December (annual), in June and "
            "December (semiannual), or in March, June, September and December (quarterly).",
            is_nullable=True,
            codes=tuple(LUMPED_MONTHS),
        ),
    ),
)

RETURN_A_MONTH = Dataset(
    name="return_a_month",
    description="Twelve months of every agency of a Return A master file: whether reported, and officers.",
    source=_SOURCE,
    primary_key=("data_year", "ori7", "month"),
    columns=(
        YEAR,
        _ORI7,
        MONTH,
        Column(
            "is_reported", "bool", "True if card 1 (actual offenses) was reported, for itself or within another month."
        ),
        Column(
            "included_in_month",
            "int8",
            "Month whose report contains the offenses of this month; missing if there is none.",
            is_nullable=True,
            codes=tuple(range(1, 13)),
        ),
        Column("updated_date", "date", "Date of the last change of the month in the file.", is_nullable=True),
        Column("officers_killed", "int32", "Officers killed feloniously.", unit="persons", is_nullable=True),
        Column(
            "officers_killed_by_accident", "int32", "Officers killed by accident.", unit="persons", is_nullable=True
        ),
        Column("officers_assaulted", "int32", "Officers assaulted.", unit="persons", is_nullable=True),
    ),
)

RETURN_A_COUNT = Dataset(
    name="return_a_count",
    description="Offenses of every agency, month and card of a Return A master file; missing if not reported.",
    source=_SOURCE,
    primary_key=("data_year", "ori7", "month", "card"),
    columns=(
        YEAR,
        _ORI7,
        MONTH,
        Column(
            "card",
            "int8",
            "0 unfounded; 1 actual offenses; 2 cleared; 3 cleared, persons under 18 only.",
            codes=CARDS,
        ),
        Column("is_reported", "bool", "True if the card was reported."),
        Column(
            "card_type",
            "int8",
            "0 not updated, 2 adjustment, 4 not available, 5 normal return, 8 unusable; missing if blank.",
            is_nullable=True,
            codes=(0, 2, 4, 5, 8),
        ),
        Column(
            "is_totals_only",
            "bool",
            "True if the card is marked as totals without details: details that are 0 in the file are missing.",
        ),
        *_item_columns(),
    ),
)

DATASETS = (RETURN_A_AGENCY, RETURN_A_MONTH, RETURN_A_COUNT)
