"""Item imputation: who is whom, what the models read, and what was imputed. Source: handbook 05."""

from dataclasses import replace

from nibrs_estimation.pipeline.dataset import Column, Dataset

_STATE = Column("state_abbr", "str", "UCR state abbreviation of the agency.", code_list="state", length=2)
_INCIDENT = Column("incident_id", "int64", "Identifier of the incident.")

#: Kinds of persons whose items are imputed; Group B arrestees have no incident.
PERSON_KINDS = ("victim", "offender", "arrestee", "arrestee_b")
#: Items of persons, in the order in which the models visit them; ethnicity has a model of its own.
DEMOGRAPHICS = ("sex", "race", "age")
ITEMS = (*DEMOGRAPHICS, "ethnicity")
#: Item of a person -> its column.
ITEM_COLUMNS = {"age": "age_years", "sex": "sex_code", "race": "race_code", "ethnicity": "ethnicity_code"}
#: Where a value stands: 1 as reported, 2 changed by a logical edit, 3 imputed, 4 no such person, 5 unknown and left so.
REPORTED, EDITED, IMPUTED, NO_PERSON, UNKNOWN = range(1, 6)
FLAGS = (REPORTED, EDITED, IMPUTED, NO_PERSON, UNKNOWN)
FLAG_TEXT = "1 reported, 2 edited, 3 imputed, 4 no such person, 5 unknown"

PERSON_LINK = Dataset(
    name="person_link",
    description="Offenders and arrestees of an incident that are paired, and what follows for both.",
    source="handbook 05",
    primary_key=("offender_id", "arrestee_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _INCIDENT,
        Column("offender_id", "int64", "Identifier of the offender segment.", references="offender.offender_id"),
        Column("arrestee_id", "int64", "Identifier of the Group A arrestee."),
        Column(
            "level",
            "str",
            "What the two have in common: a number, age, sex and race; b age, sex and race; c age and sex; d age and "
            "race; e sex and race; f age; g race; h sex; i the incident.",
            codes=tuple("abcdefghi"),
        ),
        Column(
            "age_difference", "int16", "Age of the arrestee less that of the offender.", unit="years", is_nullable=True
        ),
        Column("has_birthday", "bool", "True if the offender's age is changed to that of the arrestee, a year older."),
        Column(
            "race_from",
            "str",
            "Person from whom the other takes the race: offender or arrestee.",
            is_nullable=True,
            codes=("offender", "arrestee"),
        ),
        Column("is_same_person", "bool", "True if age and sex are known and equal, and the race is the same code."),
        Column("has_other_race", "bool", "True if age and sex are known and equal, but known races differ."),
        Column("is_dropped", "bool", "True if the arrestee is identified with another offender by a birthday."),
    ),
)

PERSON_FRAME = Dataset(
    name="person_frame",
    description="Persons whose items are imputed, with age, sex and race complete, as models of ethnicity and of "
    "relationships read them.",
    source="handbook 05",
    primary_key=("person_kind", "person_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("person_kind", "str", "Kind of person.", codes=PERSON_KINDS),
        Column("person_id", "int64", "victim_id, offender_id or arrestee_id."),
        Column("incident_id", "int64", "Identifier of the incident; missing for Group B.", is_nullable=True),
        Column(
            "same_person_id",
            "int64",
            "For persons in matched pairs, the smallest offender_id of the pairs; else missing.",
            is_nullable=True,
        ),
        Column("age_years", "int16", "Age, edited and imputed.", unit="years", is_nullable=True),
        Column("sex_code", "str", "Sex, edited and imputed.", is_nullable=True),
        Column("race_code", "str", "Race, edited and imputed; codes A, AP, C and J are A.", is_nullable=True),
        Column("ethnicity_code", "str", "Ethnicity as reported; unknown is missing.", is_nullable=True),
        Column("offense_code", "str", "The person's most serious offense.", is_nullable=True),
        Column("population_class", "str", "First character of the agency's population group.", is_nullable=True),
    ),
)


_VALUE = (
    Column("person_kind", "str", "Kind of person; victim for relationships.", codes=PERSON_KINDS),
    Column("person_id", "int64", "victim_id, offender_id or arrestee_id."),
    Column("other_id", "int64", "The offender of a relationship; 0 for items of one person."),
    Column("item", "str", "Item.", codes=(*ITEMS, "relationship")),
    Column(
        "value",
        "str",
        "What is analyzed: a code, or years of age; missing where a relationship has too few donors in the state.",
        is_nullable=True,
    ),
    Column(
        "donor_id",
        "int64",
        "Person that gave the value (victim_id of a relationship); missing for edits and draws from a distribution.",
        is_nullable=True,
    ),
    Column("donor_other_id", "int64", "Offender of the donor's relationship.", is_nullable=True),
    Column("pool", "str", "Where the donor was sought, such as offense, crime or state.", is_nullable=True),
    Column("step", "str", "Step that set the value (handbook 05)."),
)


def _values(name: str, description: str, partition: Column, *columns: Column) -> Dataset:
    return Dataset(
        name=name,
        description=description,
        source="handbook 05",
        primary_key=("person_kind", "person_id", "other_id", "item"),
        partition_key=partition.name,
        columns=(*(() if partition is _STATE else (partition,)), _STATE, *_VALUE, *columns),
    )


ITEM_VALUE = _values("item_value", "Ages, sexes and races that models set.", _STATE)
ETHNICITY_GROUP = Column("ethnicity_group", "str", "Group of states that are modeled together, 1 to 3.")
ETHNICITY_VALUE = _values("ethnicity_value", "Ethnicities that models set.", ETHNICITY_GROUP)
RELATIONSHIP_VALUE = _values(
    "relationship_value", "Relationships in incidents with crimes against persons that models set.", _STATE
)
RELATIONSHIP_GROUP = Column("relationship_group", "str", "Group of states that are modeled together, 01 to 12.")
PROPERTY_RELATIONSHIP_VALUE = _values(
    "property_relationship_value", "Relationships of victims of crimes against property.", RELATIONSHIP_GROUP
)
IMPUTED_ITEM = _values(
    "imputed_item",
    "Every item that was edited or imputed, with its donor; for audits, never published.",
    _STATE,
    Column("reported", "str", "What the report says, as a code; missing if blank.", is_nullable=True),
    Column("flag", "int8", f"{FLAG_TEXT}.", codes=FLAGS),
)

_PAIR_TEXTS = (
    "offense_code", "crime", "victim_type_code", "resident_code", "population_group", "entry",
    "cleared_exceptionally_code", "victim_sex", "victim_race", "offender_sex", "offender_race",
)  # fmt: skip
_PAIR_NUMBERS = (
    "cargo_theft", "is_suburban", "bias", "weapon", "victim_age", "offender_age", "offenders", "victims", "offenses",
    "one_each", "assault_homicide", "kidnapping_trafficking", "sex", "arson_burglary_vandalism", "vehicle_robbery",
    "other_property", "other_society", "is_arson", "is_bribery", "is_burglary", "is_counterfeiting", "is_vandalism",
    "is_embezzlement", "is_extortion", "is_fraud", "is_larceny", "is_vehicle_theft", "is_stolen_property",
    "is_property_crime",
)  # fmt: skip

RELATIONSHIP_FRAME = Dataset(
    name="relationship_frame",
    description="Victims of crimes against property and the known offenders of cleared incidents without a crime "
    "against a person, as the model of their relationships reads them.",
    source="handbook 05",
    primary_key=("victim_id", "offender_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("victim_id", "int64", "Identifier of the victim segment."),
        Column("offender_id", "int64", "Identifier of the offender segment."),
        Column("relationship_code", "str", "Relationship as reported.", is_nullable=True),
        Column("relationship", "str", "Its kind; missing if unknown.", is_nullable=True),
        Column("is_wanted", "bool", "True if it is to be imputed."),
        Column("property_value", "int64", "Value of the incident's property.", unit="US dollars", is_nullable=True),
        *(Column(name, "str", f"Predictor {name} (handbook 05).", is_nullable=True) for name in _PAIR_TEXTS),
        *(Column(name, "int32", f"Predictor {name} (handbook 05).", is_nullable=True) for name in _PAIR_NUMBERS),
    ),
)

STATE_ITEM_DISTRIBUTION = Dataset(
    name="state_item_distribution",
    description="Reported values of items by offense, in a state.",
    source="handbook 05",
    primary_key=("state_abbr", "person_kind", "item", "offense_code", "value"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("person_kind", "str", "Kind of person; victim for relationships.", codes=PERSON_KINDS),
        Column("item", "str", "Item.", codes=(*ITEMS, "relationship")),
        Column("offense_code", "str", "The person's most serious offense; empty if unknown."),
        Column("value", "str", "Value."),
        Column("n", "int64", "Number of persons with the value.", unit="persons"),
    ),
)
ITEM_DISTRIBUTION = replace(
    STATE_ITEM_DISTRIBUTION,
    name="item_distribution",
    description="Reported values of items by state and offense, from which states without donors draw.",
    partition_key=None,
)

_SUMMARY_KEY = (
    Column("person_kind", "str", "Kind of person; victim for relationships.", codes=PERSON_KINDS),
    Column("item", "str", "Item.", codes=(*ITEMS, "relationship")),
)

ITEM_SUMMARY = Dataset(
    name="item_summary",
    description="Values of items of persons in the scope of imputation, reported and imputed, by state.",
    source="handbook 05",
    primary_key=("state_abbr", "person_kind", "item", "category"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        *_SUMMARY_KEY,
        Column("category", "str", "Value, or class of ages; unknown where it stays unknown."),
        Column("n_reported", "int64", "Persons with the value as reported or edited.", unit="persons"),
        Column("n_imputed", "int64", "Persons with the value as imputed.", unit="persons"),
    ),
)
ITEM_DONORS = Dataset(
    name="item_donors",
    description="Donors of imputed values, by state, and where they were sought.",
    source="handbook 05",
    primary_key=("state_abbr", "person_kind", "item", "pool"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        *_SUMMARY_KEY,
        Column("pool", "str", "Where donors were sought, such as offense or state."),
        Column("values", "int64", "Imputed values.", unit="values"),
        Column("donors", "int64", "Different donors; 0 for draws from a distribution.", unit="persons"),
        Column("most_used", "int64", "How often the most used donor was used.", unit="values"),
    ),
)
ITEM_PAIRS = Dataset(
    name="item_pairs",
    description="Matched offenders and arrestees: how many have equal values.",
    source="handbook 05",
    primary_key=("state_abbr", "item"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("item", "str", "Item.", codes=ITEMS),
        Column("pairs", "int64", "Matched pairs.", unit="pairs"),
        Column("equal", "int64", "Those with equal values.", unit="pairs"),
    ),
)
AGENCY_ITEM = Dataset(
    name="agency_item",
    description="How often each agency left items blank.",
    source="handbook 05",
    primary_key=("agency_id", "person_kind", "item"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("agency_id", "int32", "The FBI's number of the agency.", references="agency.agency_id"),
        *_SUMMARY_KEY,
        Column("persons", "int64", "Persons in the scope of imputation.", unit="persons"),
        Column("missing", "int64", "Those without the item in the report.", unit="persons"),
    ),
)
ITEM_CHECK = Dataset(
    name="item_check",
    description="Shares of values before and after imputation, in the nation and states, with unusual changes marked.",
    source="handbook 05",
    primary_key=("person_kind", "item", "place", "category"),
    columns=(
        Column("place", "str", "US, or UCR state abbreviation."),
        *_SUMMARY_KEY,
        Column("category", "str", "Value, or class of ages."),
        Column("n_reported", "int64", "Persons with the value as reported or edited.", unit="persons"),
        Column("n_imputed", "int64", "Persons with the value as imputed.", unit="persons"),
        Column("share_reported", "float64", "Share among reported values, 0 to 1."),
        Column("share_imputed", "float64", "Share among imputed values, 0 to 1.", is_nullable=True),
        Column("change", "float64", "Share among all values less share_reported."),
        Column("is_marked", "bool", "True if the change is beyond the item's mean change by 3 standard deviations."),
    ),
)
AGENCY_ITEM_CHECK = Dataset(
    name="agency_item_check",
    description="Agencies that leave an item blank unusually often.",
    source="handbook 05",
    primary_key=("agency_id", "person_kind", "item"),
    columns=(
        _STATE,
        Column("agency_id", "int32", "The FBI's number of the agency.", references="agency.agency_id"),
        *_SUMMARY_KEY,
        Column("persons", "int64", "Persons in the scope of imputation.", unit="persons"),
        Column("missing", "int64", "Those without the item in the report.", unit="persons"),
        Column(
            "exceeds",
            "float64",
            "Largest k in 0.5, 1, 1.5, 2 for which the log of the share missing exceeds the third quartile by k "
            "interquartile ranges; missing where every person lacks the item.",
            is_nullable=True,
        ),
    ),
)

SYNTHETIC_TRUTH_ITEM = Dataset(
    name="synthetic_truth_item",
    description="True values of items of reported incidents of a synthetic nation that the agency left unknown or "
    "blank; only the page of blank items shows them.",
    source="sources/synthetic/README.md",
    absence="imputed items are not compared with their true values, which only synthetic sources know",
    primary_key=("segment", "unit_id", "detail_code", "item"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("segment", "str", "Dataset in which the item stands, such as victim."),
        Column(
            "unit_id",
            "int64",
            "Its row: incident_id, victim_id (of relationships, too), offender_id, arrestee_id, or property_id of a "
            "property item.",
        ),
        Column(
            "detail_code",
            "str",
            "Of property items, description_code; of arrestees, A or B, the group of the offense; of relationships, "
            "offender_id; else empty.",
        ),
        Column("item", "str", "Column of that dataset that was left unknown or blank."),
        Column("value", "str", "What stood there before, as text.", is_nullable=True),
    ),
)

ITEM_TRUTH = Dataset(
    name="item_truth",
    description="Imputed values of a synthetic nation beside the true values of the same items, by state and offense; "
    "empty for other sources.",
    source="handbook 05",
    primary_key=("state_abbr", "person_kind", "item", "offense_code", "category"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        *_SUMMARY_KEY,
        Column("offense_code", "str", "First offense of the person.", code_list="offense"),
        Column("category", "str", "Value, or class of ages."),
        Column("n_imputed", "int64", "Imputed items with this value.", unit="items"),
        Column("n_true", "int64", "Of the same items, those whose true value it is.", unit="items"),
    ),
)

DATASETS = (
    PERSON_LINK,
    PERSON_FRAME,
    ITEM_VALUE,
    STATE_ITEM_DISTRIBUTION,
    ITEM_DISTRIBUTION,
    ETHNICITY_VALUE,
    RELATIONSHIP_VALUE,
    RELATIONSHIP_FRAME,
    PROPERTY_RELATIONSHIP_VALUE,
    IMPUTED_ITEM,
    ITEM_SUMMARY,
    ITEM_DONORS,
    ITEM_PAIRS,
    AGENCY_ITEM,
    SYNTHETIC_TRUTH_ITEM,
    ITEM_TRUTH,
    ITEM_CHECK,
    AGENCY_ITEM_CHECK,
)
