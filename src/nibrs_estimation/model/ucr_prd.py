"""The tables of an FBI `ucr_prd` PostgreSQL database: what the source of that name reads, checks and can be asked of.

A dataset here is a table there: its name, its columns and their types are the database's. Columns that no rule of the
specification types are declared by the values that they hold. Only what the description of the database calls a key
may not be null; everything else may, and the importer says what it makes of it.
Source: tables and columns of the FBI's database ucr_prd.
"""

from __future__ import annotations

from nibrs_estimation.pipeline.dataset import Column, Dataset

_SOURCE = "tables and columns of the FBI's database ucr_prd"
_MONTHS = tuple(range(1, 13))


def _key(name: str, type: str, description: str, references: str = "", length: int = 0, code_list: str = "") -> Column:
    return Column(name, type, description, references=references, length=length, code_list=code_list)


def _text(name: str, description: str, length: int = 0, code_list: str = "") -> Column:
    return Column(name, "str", description, is_nullable=True, length=length, code_list=code_list)


def _number(
    name: str, type: str, description: str, references: str = "", unit: str = "", code_list: str = ""
) -> Column:
    return Column(name, type, description, is_nullable=True, references=references, unit=unit, code_list=code_list)


def _flag(name: str, description: str) -> Column:
    return Column(name, "bool", description, is_nullable=True)


def _date(name: str, description: str) -> Column:
    return Column(name, "date", description, is_nullable=True)


def _table(name: str, description: str, primary_key: tuple[str, ...], *columns: Column) -> Dataset:
    return Dataset(name=name, description=description, primary_key=primary_key, columns=columns, source=_SOURCE)


_AGENCY = _key("agency_id", "int32", "The FBI's number of the agency.", "ref_agency.agency_id")
_YEAR = _key("data_year", "int16", "Calendar year that the row describes.")
_OF_FORM = _number("form_month_id", "int64", "The monthly report that holds it.", "form_month.form_month_id")
_OF_INCIDENT = _number("incident_id", "int64", "The incident.", "nibrs_incident.incident_id")
_KEY_OFFENSE = _key("offense_id", "int64", "The offense.", "nibrs_offense.offense_id")
_KEY_VICTIM = _key("victim_id", "int64", "The victim.", "nibrs_victim.victim_id")
_SEQUENCE = _number("sequence_number", "int16", "Number of the person within the incident; 0 unknown offender.")
_PERSON = (
    _text("age_code", "NN, NB, BB, 01 to 98, 99, 00 (unknown) or NS.", 2, "age"),
    _number("age_code_range_low", "int16", "Lower end of a reported age range.", unit="years"),
    _number("age_code_range_high", "int16", "Upper end of a reported age range.", unit="years"),
    _text("sex_code", "M, F, U or X (not specified).", 1, "sex"),
    _text("race_code", "Race.", 2, "race"),
    _text("ethnicity_code", "Ethnicity.", 1, "ethnicity"),
)
_RESIDENT = _text("resident_status_code", "R, N or U; 'None' and '-1' occur and mean nothing.", 4, "resident")
_ARREST = (
    _number("sequence_number", "int16", "Number of the arrestee within the report."),
    _text("arrest_number", "The agency's own number of the arrest."),
    _date("arrest_date", "Date of the arrest."),
    _text("arrest_type_code", "Type of arrest.", 1, "arrest_type"),
)

FORM_MONTH = _table(
    "form_month",
    "Monthly reports of agencies, one row for each form.",
    ("form_month_id",),
    _key("form_month_id", "int64", "Identifier of the report."),
    _number("agency_id", "int32", "The agency that reports.", "ref_agency.agency_id"),
    _number("data_year", "int16", "Year of the report."),
    Column("data_month", "int16", "Month of the report, 1 to 12.", is_nullable=True, codes=_MONTHS),
    _text("form_code", "N incidents, R Return A, P police employees.", 1, "form_code"),
    _flag("is_zero_report", "The report says that nothing happened; null where it does not say."),
    _number("month_included_in", "int16", "Month whose report holds this one's counts."),
)
NIBRS_INCIDENT = _table(
    "nibrs_incident",
    "Incidents.",
    ("incident_id",),
    _key("incident_id", "int64", "Identifier of the incident."),
    _number("agency_id", "int32", "The agency that reports it.", "ref_agency.agency_id"),
    _OF_FORM,
    _text("incident_number", "The agency's own number of the incident, encrypted."),
    _date("incident_date", "Date of the incident, or of the report."),
    _flag("is_reported_date", "The date is the report's."),
    _number("incident_hour", "int16", "Hour 0 to 23."),
    _text("cleared_exceptionally_code", "Exceptional clearance.", 1, "cleared_exceptionally"),
    _date("cleared_exceptionally_date", "Date of the exceptional clearance."),
    _flag("is_cargo_theft", "Cargo theft."),
    _number("did", "int64", "Identifier of the delivery."),
    _text("judicial_district", "Federal judicial district."),
)
NIBRS_OFFENSE = _table(
    "nibrs_offense",
    "Offenses of incidents.",
    ("offense_id",),
    _key("offense_id", "int64", "Identifier of the offense."),
    _OF_INCIDENT,
    _text("offense_code", "Offense.", 3, "offense"),
    _text("attempt_complete_code", "A attempted, C completed.", 1, "attempt_complete"),
    _text("location_code", "Location.", 2, "location"),
    _number("num_premises_entered", "int16", "Premises entered in a burglary.", unit="premises"),
    _text("method_of_entry_code", "F force, N no force.", 1, "method_of_entry"),
)
NIBRS_VICTIM = _table(
    "nibrs_victim",
    "Victims of incidents.",
    ("victim_id",),
    _key("victim_id", "int64", "Identifier of the victim."),
    _OF_INCIDENT,
    _SEQUENCE,
    _text("victim_type_code", "Type of victim.", 1, "victim_type"),
    *_PERSON,
    _RESIDENT,
    _text("activity_code", "Officer's activity.", 2, "officer_activity"),
    _text("assignment_code", "Officer's assignment.", 1, "officer_assignment"),
    _number("outside_agency_id", "int32", "Officer's own agency where it is another."),
)
NIBRS_OFFENDER = _table(
    "nibrs_offender",
    "Offenders of incidents.",
    ("offender_id",),
    _key("offender_id", "int64", "Identifier of the offender."),
    _OF_INCIDENT,
    _SEQUENCE,
    *_PERSON,
)
NIBRS_ARRESTEE = _table(
    "nibrs_arrestee",
    "Arrestees of incidents (Group A).",
    ("arrestee_id",),
    _key("arrestee_id", "int64", "Identifier of the arrestee."),
    _OF_INCIDENT,
    *_ARREST,
    _text("multiple_indicator_code", "C count, M multiple, N not applicable.", 1, "multiple_indicator"),
    _text("offense_code", "Offense of the arrest.", 3, "offense"),
    *_PERSON,
    _RESIDENT,
    _text("under_18_disposition_code", "H handled within department, R referred.", 1, "under_18_disposition"),
)
NIBRS_GROUPB_ARRESTEE = _table(
    "nibrs_groupb_arrestee",
    "Arrestees of Group B offenses, which have no incident.",
    ("groupb_arrestee_id",),
    _key("groupb_arrestee_id", "int64", "Identifier of the arrestee."),
    _OF_FORM,
    _number("agency_id", "int32", "The arresting agency.", "ref_agency.agency_id"),
    *_ARREST,
    _text("offense_code", "Offense of the arrest.", 3, "offense"),
    *_PERSON,
    _RESIDENT,
    _text("under_18_disposition_code", "H handled within department, R referred.", 1, "under_18_disposition"),
)
NIBRS_PROPERTY = _table(
    "nibrs_property",
    "Property segments: one for each incident and type of loss.",
    ("property_id",),
    _key("property_id", "int64", "Identifier of the property segment."),
    _OF_INCIDENT,
    _number("prop_loss_code", "int16", "Type of loss.", code_list="property_loss"),
    _number("stolen_count", "int16", "Stolen motor vehicles.", unit="vehicles"),
    _number("recovered_count", "int16", "Recovered motor vehicles.", unit="vehicles"),
)
NIBRS_PROPERTY_DESCRIPTION = _table(
    "nibrs_property_description",
    "Descriptions within a property segment.",
    ("property_id", "prop_desc_code"),
    _key("property_id", "int64", "The property segment.", "nibrs_property.property_id"),
    _key("prop_desc_code", "str", "Description of the property.", length=2, code_list="property_description"),
    _number("property_value", "numeric(12,3)", "Value; 1 means unknown.", unit="US dollars"),
    _date("date_recovered", "Date of recovery."),
)
NIBRS_SUSPECTED_DRUG = _table(
    "nibrs_suspected_drug",
    "Suspected drugs within a property segment.",
    ("suspected_drug_id",),
    _key("suspected_drug_id", "int64", "Identifier of the row."),
    _number("property_id", "int64", "The property segment.", "nibrs_property.property_id"),
    _text("drug_code", "Suspected drug.", 1, "drug"),
    _text("drug_measure_code", "Unit of the quantity.", 2, "drug_measure"),
    _number("est_drug_qty", "numeric(12,3)", "Estimated quantity in the given measure."),
)
NIBRS_VICTIM_OFFENSE = _table(
    "nibrs_victim_offense",
    "Which offenses a victim suffered.",
    ("victim_id", "offense_id"),
    _KEY_VICTIM,
    _KEY_OFFENSE,
)
NIBRS_VICTIM_OFFENDER_RELATIONSHIP = _table(
    "nibrs_victim_offender_relationship",
    "Relationship of a victim to an offender.",
    ("victim_id", "offender_id"),
    _KEY_VICTIM,
    _key("offender_id", "int64", "The offender.", "nibrs_offender.offender_id"),
    _text("relationship_code", "Relationship.", 2, "relationship"),
)
NIBRS_VICTIM_INJURY = _table(
    "nibrs_victim_injury",
    "Injuries of a victim.",
    ("victim_id", "injury_code"),
    _KEY_VICTIM,
    _key("injury_code", "str", "Injury.", length=1, code_list="injury"),
)
NIBRS_VICTIM_CIRCUMSTANCE = _table(
    "nibrs_victim_circumstance",
    "Circumstances of homicides and aggravated assaults.",
    ("victim_id", "circumstance_code"),
    _KEY_VICTIM,
    _key("circumstance_code", "int16", "Circumstance.", code_list="circumstance"),
    _text("justifiable_force_code", "Justifiable homicide.", 1, "justifiable_force"),
)
NIBRS_BIAS_MOTIVATION = _table(
    "nibrs_bias_motivation",
    "Bias motivations of an offense.",
    ("offense_id", "bias_code"),
    _KEY_OFFENSE,
    _key("bias_code", "str", "Bias; 88 none.", length=2, code_list="bias"),
)
NIBRS_OFFENSE_WEAPON = _table(
    "nibrs_offense_weapon",
    "Weapons of an offense.",
    ("offense_id", "weapon_code"),
    _KEY_OFFENSE,
    _key("weapon_code", "str", "Weapon, with A where automatic.", length=3, code_list="weapon"),
)
NIBRS_ARRESTEE_WEAPON = _table(
    "nibrs_arrestee_weapon",
    "Weapons carried by arrestees (Group A).",
    ("arrestee_id", "weapon_code"),
    _key("arrestee_id", "int64", "The arrestee.", "nibrs_arrestee.arrestee_id"),
    _key("weapon_code", "str", "Weapon; 01 unarmed.", length=3, code_list="weapon"),
)
NIBRS_GROUPB_ARRESTEE_WEAPON = _table(
    "nibrs_groupb_arrestee_weapon",
    "Weapons carried by arrestees of Group B offenses.",
    ("groupb_arrestee_id", "weapon_code"),
    _key("groupb_arrestee_id", "int64", "The arrestee.", "nibrs_groupb_arrestee.groupb_arrestee_id"),
    _key("weapon_code", "str", "Weapon; 01 unarmed.", length=3, code_list="weapon"),
)
NIBRS_CRIMINAL_ACTIVITY = _table(
    "nibrs_criminal_activity",
    "Criminal activities and gang involvement of an offense.",
    ("offense_id", "criminal_activity_code"),
    _KEY_OFFENSE,
    _key("criminal_activity_code", "str", "Criminal activity.", length=1, code_list="criminal_activity"),
)
NIBRS_SUSPECT_USING = _table(
    "nibrs_suspect_using",
    "What the offender was suspected of using.",
    ("offense_id", "using_code"),
    _KEY_OFFENSE,
    _key("using_code", "str", "Suspected of using.", length=1, code_list="suspected_using"),
)

SEGMENT_TABLES = (
    NIBRS_INCIDENT,
    NIBRS_OFFENSE,
    NIBRS_BIAS_MOTIVATION,
    NIBRS_OFFENSE_WEAPON,
    NIBRS_CRIMINAL_ACTIVITY,
    NIBRS_SUSPECT_USING,
    NIBRS_VICTIM,
    NIBRS_VICTIM_OFFENSE,
    NIBRS_VICTIM_INJURY,
    NIBRS_VICTIM_CIRCUMSTANCE,
    NIBRS_OFFENDER,
    NIBRS_VICTIM_OFFENDER_RELATIONSHIP,
    NIBRS_PROPERTY,
    NIBRS_PROPERTY_DESCRIPTION,
    NIBRS_SUSPECTED_DRUG,
    NIBRS_ARRESTEE,
    NIBRS_ARRESTEE_WEAPON,
    NIBRS_GROUPB_ARRESTEE,
    NIBRS_GROUPB_ARRESTEE_WEAPON,
)

REF_REGION = _table(
    "ref_region",
    "Census regions.",
    ("region_id",),
    _key("region_id", "int16", "Identifier of the region."),
    _number("code", "int16", "1 to 4, 99 other.", code_list="region"),
    _text("name", "Name.", 100),
    _text("description", "Region I to Region IV, Other.", 100),
)
REF_DIVISION = _table(
    "ref_division",
    "Census divisions.",
    ("division_id",),
    _key("division_id", "int16", "Identifier of the division."),
    _number("region_id", "int16", "Its region.", "ref_region.region_id"),
    _number("code", "int16", "1 to 9, 99 other.", code_list="division"),
    _text("name", "Name.", 100),
)
REF_STATE = _table(
    "ref_state",
    "States, territories, and two collective ones for federal and other agencies.",
    ("state_id",),
    _key("state_id", "int16", "Identifier of the state; not its FIPS code."),
    _number("division_id", "int16", "Its division.", "ref_division.division_id"),
    _text("name", "Name.", 100),
    _text("abbr", "UCR abbreviation; Nebraska is NB.", 2),
    _text("postal_abbr", "Postal abbreviation; Nebraska is NE.", 2),
    _text("fips_code", "FIPS code, two digits.", 2),
)
REF_AGENCY_TYPE = _table(
    "ref_agency_type",
    "Kinds of agencies.",
    ("agency_type_id",),
    _key("agency_type_id", "int16", "Identifier of the kind.", code_list="agency_type"),
    _text("name", "Name.", 100),
)
REF_PARENT_POPULATION_GROUP = _table(
    "ref_parent_population_group",
    "Population groups, coarse.",
    ("parent_pop_group_id",),
    _key("parent_pop_group_id", "int16", "Identifier of the group."),
    _text("code", "Code, 1 to 9.", 2),
    _text("description", "Description.", 150),
)
REF_POPULATION_GROUP = _table(
    "ref_population_group",
    "Population groups.",
    ("population_group_id",),
    _key("population_group_id", "int16", "Identifier of the group."),
    _text("code", "Code, 1A to 9E.", 2, "population_group"),
    _text("description", "Description.", 150),
    _number("sort_order", "int16", "Order in lists."),
    _number("parent_pop_group_id", "int16", "Its coarse group.", "ref_parent_population_group.parent_pop_group_id"),
)
REF_FIELD_OFFICE = _table(
    "ref_field_office",
    "FBI field offices.",
    ("field_office_id",),
    _key("field_office_id", "int16", "Identifier of the field office."),
    _text("numeric_code", "Code, four digits.", 10),
)
REF_SUBMITTING_AGENCY = _table(
    "ref_submitting_agency",
    "State programs that submit for their agencies.",
    ("agency_id",),
    _key("agency_id", "int32", "The program's own number."),
    _text("agency_name", "Name.", 150),
    _text("sai", "Identifier in submissions.", 9),
    _date("nibrs_cert_date", "When the program was certified for NIBRS."),
)
REF_AGENCY = _table(
    "ref_agency",
    "Agencies, as they are today.",
    ("agency_id",),
    _key("agency_id", "int32", "The FBI's number of the agency."),
    _text("ori", "Originating agency identifier.", 9),
    _text("legacy_ori", "ORI before a renumbering.", 9),
    _number("agency_type_id", "int16", "Kind of agency.", "ref_agency_type.agency_type_id"),
    _text("ucr_agency_name", "Name as the UCR program lists it.", 100),
    _text("ncic_agency_name", "Name as NCIC lists it.", 100),
    _text("pub_agency_name", "Name as published.", 100),
    _text("pub_agency_unit", "Unit as published.", 100),
    _number("state_id", "int16", "State.", "ref_state.state_id"),
    _number("city_id", "int32", "City."),
    _number("campus_id", "int32", "Campus."),
    _number("tribe_id", "int32", "Tribe."),
    _number("tribal_district_id", "int16", "Tribal district."),
    _number("department_id", "int16", "Department."),
    _number("population_family_id", "int16", "Family of population groups."),
    _number("field_office_id", "int16", "FBI field office.", "ref_field_office.field_office_id"),
    _text("judicial_district_code", "Federal judicial district.", 10),
    _number("submitting_agency_id", "int32", "Program that submits for it.", "ref_submitting_agency.agency_id"),
    _text("fid_code", "Code of the federal agency.", 2),
    _text("legacy_notify_agency", "Y or N.", 1),
    _text("special_mailing_group", "Group of mailings.", 1),
    _text("special_mailing_address", "Y or N.", 1),
    _date("nibrs_start_date", "First day of incident-based reporting."),
    _date("nibrs_leoka_start_date", "First day of reporting officers assaulted."),
    _date("nibrs_ct_start_date", "First day of reporting cargo theft."),
    _date("nibrs_multi_bias_start_date", "First day of several biases an offense."),
    _date("nibrs_off_eth_start_date", "First day of reporting offenders' ethnicity."),
    _text("nibrs_leoka_except_flag", "Y or N.", 1),
    _number("added_date", "timestamp", "When the agency was entered."),
)
REF_AGENCY_YEARLY = _table(
    "ref_agency_yearly",
    "Agencies by year.",
    ("agency_id", "data_year"),
    _AGENCY,
    _YEAR,
    _text("agency_status", "A active, D dormant, F federal, L LEOKA only.", 1, "agency_status"),
    _flag("is_nibrs", "It reports incidents."),
    _flag("is_direct_contributor", "It reports to the FBI itself."),
    _flag("is_covered", "Another agency reports its crimes."),
    _flag("is_publishable", "The FBI publishes its figures."),
    _flag("is_suburban_area", "It lies in a suburban area."),
    _flag("is_mip", "It is on the list of the most populous agencies."),
    _number("population", "int32", "Residents.", unit="persons"),
    _number("population_group_id", "int16", "Population group.", "ref_population_group.population_group_id"),
)
REF_AGENCY_STATUS = _table(
    "ref_agency_status",
    "Status of agencies by year.",
    ("agency_id", "data_year"),
    _AGENCY,
    _YEAR,
    _text("agency_status", "A active, D dormant, F federal, L LEOKA only.", 1, "agency_status"),
)
REF_AGENCY_MONTH_COVERED = _table(
    "ref_agency_month_covered",
    "Which agency covers another in which month.",
    ("agency_id", "data_year", "data_month", "covered_by_agency_id"),
    _AGENCY,
    _YEAR,
    Column("data_month", "int16", "Month, 1 to 12.", codes=_MONTHS),
    _key("covered_by_agency_id", "int32", "The covering agency.", "ref_agency.agency_id"),
)
REF_AGENCY_COVERED_BY = _table(
    "ref_agency_covered_by",
    "Which agency covers another in a year; the importer reads the months instead.",
    ("agency_id", "data_year"),
    _AGENCY,
    _YEAR,
)
REF_MSA = _table(
    "ref_msa",
    "Metropolitan statistical areas.",
    ("msa_id",),
    _key("msa_id", "int16", "Identifier of the area."),
    _text("name", "Name."),
)
REF_METRO_DIVISION = _table(
    "ref_metro_division",
    "Metropolitan divisions; an area without divisions has one of its own name.",
    ("metro_div_id",),
    _key("metro_div_id", "int16", "Identifier of the division."),
    _number("msa_id", "int16", "Its area.", "ref_msa.msa_id"),
    _text("name", "Name."),
    _flag("is_parent_msa", "The row stands for the area as such."),
    _number("legacy_msa_code", "int16", "Former code of the area."),
    _number("omb_code", "int32", "Code of the Office of Management and Budget."),
)
REF_COUNTY = _table(
    "ref_county",
    "Counties.",
    ("county_id",),
    _key("county_id", "int16", "Identifier of the county."),
    _number("state_id", "int16", "Its state.", "ref_state.state_id"),
    _text("name", "Name.", 100),
    _text("fips_code", "FIPS code within the state, unpadded; -1 not a county.", 5),
    _text("ansi_code", "ANSI code.", 10),
    _text("legacy_code", "Former code.", 10),
    _text("comments", "Comments.", 1000),
)
REF_AGENCY_COUNTY = _table(
    "ref_agency_county",
    "Counties of an agency by year, with the residents in each.",
    ("agency_id", "data_year", "county_id"),
    _AGENCY,
    _YEAR,
    _key("county_id", "int16", "County.", "ref_county.county_id"),
    _number("metro_div_id", "int16", "Metropolitan division.", "ref_metro_division.metro_div_id"),
    _flag("is_core_city", "The agency is a core city of the area."),
    _number("population", "int32", "Residents of this piece.", unit="persons"),
    _text("legacy_county_code", "Former code of the county.", 20),
    _text("legacy_msa_code", "Former code of the area.", 20),
    Column("source_flag", "str", "Where the row comes from.", is_nullable=True, codes=("C", "G", "L", "M"), length=1),
)
PE_EMPLOYEE_DATA = _table(
    "pe_employee_data",
    "Police employees of an agency, by their yearly report (form P).",
    ("form_month_id",),
    _key("form_month_id", "int64", "The report.", "form_month.form_month_id"),
    _number("male_officer", "int32", "Sworn male officers.", unit="persons"),
    _number("male_civilian", "int32", "Male civilian employees.", unit="persons"),
    _number("female_officer", "int32", "Sworn female officers.", unit="persons"),
    _number("female_civilian", "int32", "Female civilian employees.", unit="persons"),
)
LKUP_SRS_OFFENSE = _table(
    "lkup_srs_offense",
    "Lines of the Return A: offense and breakdown.",
    ("breakdown_id",),
    _key("breakdown_id", "int16", "Identifier of the line.", code_list="srs_breakdown"),
    _text("offense_name", "Offense.", 100),
    _text("breakdown_name", "Breakdown of the offense.", 100),
)
SUM_MONTH_OFFENSE = _table(
    "sum_month_offense",
    "Counts of the summary reports by month and line.",
    ("form_month_id", "breakdown_id", "form_code"),
    _key("form_month_id", "int64", "The report.", "form_month.form_month_id"),
    _key("breakdown_id", "int16", "Line.", "lkup_srs_offense.breakdown_id", code_list="srs_breakdown"),
    _key("form_code", "str", "R Return A; F, L, T other forms.", length=1, code_list="form_code"),
    _number("unfounded_count", "int32", "Unfounded offenses.", unit="offenses"),
    _number("actual_count", "int32", "Actual offenses.", unit="offenses"),
    _number("cleared_count", "int32", "Cleared offenses.", unit="offenses"),
    _number("juvenile_cleared_count", "int32", "Offenses cleared by arrest of juveniles only.", unit="offenses"),
    _number("uninhabited_count", "int32", "Offenses against uninhabited structures.", unit="offenses"),
    _number("estimated_damage_value", "int32", "Estimated damage.", unit="US dollars"),
    _number("nibrs_incident_id", "int64", "The incident from which the count is derived."),
)
EST_12MC_RETA_COUNTS = _table(
    "est_12mc_reta_counts",
    "The FBI's estimates of twelve months of offenses (Crime in the United States).",
    ("data_year", "agency_id", "offense_code"),
    _YEAR,
    _AGENCY,
    _number("state_id", "int16", "State.", "ref_state.state_id"),
    _number("agency_type_id", "int16", "Kind of agency.", "ref_agency_type.agency_type_id"),
    _number("population_group_id", "int16", "Population group.", "ref_population_group.population_group_id"),
    _flag("in_msa", "The agency lies in a metropolitan statistical area."),
    _number("population", "int32", "Residents.", unit="persons"),
    _number("months_complete", "int16", "Months reported, 0 to 12.", unit="months"),
    _key("offense_code", "str", "SRS offense.", length=4, code_list="srs_offense"),
    _number("actual_count", "int32", "Offenses reported.", unit="offenses"),
    _number("est_12mc_count", "int32", "Offenses brought to twelve months.", unit="offenses"),
    _text("est_method", "A, M or R.", 1, "estimation_method"),
    _number("est_x_factor", "numeric(12,3)", "Twelve divided by the months reported."),
    _number("est_rate_per_100000", "numeric(12,3)", "Rate.", unit="per 100,000 persons"),
)

REFERENCE_TABLES = (
    REF_REGION,
    REF_DIVISION,
    REF_STATE,
    REF_AGENCY_TYPE,
    REF_PARENT_POPULATION_GROUP,
    REF_POPULATION_GROUP,
    REF_FIELD_OFFICE,
    REF_SUBMITTING_AGENCY,
    REF_AGENCY,
    REF_AGENCY_YEARLY,
    REF_AGENCY_STATUS,
    REF_AGENCY_MONTH_COVERED,
    REF_AGENCY_COVERED_BY,
    REF_MSA,
    REF_METRO_DIVISION,
    REF_COUNTY,
    REF_AGENCY_COUNTY,
)


def _lookup(name: str, key: Column, *columns: Column) -> Dataset:
    return _table(name, f"Lookup of {key.description[0].lower()}{key.description[1:]}", (key.name,), key, *columns)


_NAME = _text("name", "Name.", 150)
_DESCRIPTION = _text("description", "Description.", 500)

LOOKUP_TABLES = (
    _lookup(
        "lkup_nibrs_offense",
        _key("offense_code", "str", "Offense.", length=3, code_list="offense"),
        _NAME,
        _text("crime_against", "Person, Property, Society or Not a Crime.", 20),
        _flag("used_for_ct", "Cargo theft may be reported with it."),
        _flag("used_for_hc", "Hate crime may be reported with it."),
        _text("hc_code", "Code in hate crime reports.", 2),
        _text("category_name", "Category.", 100),
        _text("offense_group", "A or B.", 5),
        _text("count_method", "VICTIM, OFFENSE, SPECIAL or N/A.", 10),
        _number("hier_level", "int16", "Rank in the hierarchy rule."),
        _number("sort_order", "int16", "Order in lists."),
        _text("label", "Label.", 150),
        _date("hc_eff_date", "When hate crime reports began to hold it."),
        _date("ct_eff_date", "When cargo theft reports began to hold it."),
        _number("crime_against_sort_order", "int16", "Order of crimes against."),
        _text("hc_offense_name", "Name in hate crime reports.", 150),
        _number("hc_offense_name_sort_order", "int16", "Order in hate crime reports."),
        _number("category_sort_order", "int16", "Order of the category."),
    ),
    _lookup("lkup_nibrs_location", _key("location_code", "str", "Location.", length=2, code_list="location"), _NAME),
    _lookup(
        "lkup_weapon",
        _key("weapon_code", "str", "Weapon.", length=3, code_list="weapon"),
        _NAME,
        _flag("used_for_shr", "Homicide reports hold it."),
    ),
    _lookup(
        "lkup_bias",
        _key("bias_code", "str", "Bias.", length=2, code_list="bias"),
        _text("category", "Category.", 100),
        _DESCRIPTION,
    ),
    _lookup(
        "lkup_nibrs_victim_type",
        _key("victim_type_code", "str", "Type of victim.", length=1, code_list="victim_type"),
        _NAME,
    ),
    _lookup("lkup_age", _key("age_code", "str", "Age.", length=2, code_list="age"), _NAME),
    _lookup("lkup_race", _key("race_code", "str", "Race.", length=2, code_list="race"), _DESCRIPTION),
    _lookup(
        "lkup_ethnicity", _key("ethnicity_code", "str", "Ethnicity.", length=1, code_list="ethnicity"), _DESCRIPTION
    ),
    _lookup("lkup_sex", _key("sex_code", "str", "Sex.", length=1, code_list="sex"), _DESCRIPTION),
    _lookup(
        "lkup_nibrs_relationship",
        _key("relationship_code", "str", "Relationship.", length=2, code_list="relationship"),
        _NAME,
        _number("relationship_type_id", "int16", "Type of relationship."),
        _number("sort_order", "int16", "Order in lists."),
        _flag("is_domestic", "Domestic relationship."),
    ),
    _lookup("lkup_nibrs_injury", _key("injury_code", "str", "Injury.", length=1, code_list="injury"), _NAME),
    _lookup(
        "lkup_nibrs_property_loss",
        _key("prop_loss_code", "int16", "Type of loss.", code_list="property_loss"),
        _NAME,
        _DESCRIPTION,
    ),
    _lookup(
        "lkup_nibrs_property_description",
        _key("prop_desc_code", "str", "Description of property.", length=2, code_list="property_description"),
        _NAME,
    ),
    _lookup("lkup_nibrs_drug", _key("drug_code", "str", "Suspected drug.", length=1, code_list="drug"), _NAME),
    _lookup(
        "lkup_nibrs_criminal_activity",
        _key("criminal_activity_code", "str", "Criminal activity.", length=1, code_list="criminal_activity"),
        _NAME,
        _DESCRIPTION,
    ),
    _lookup(
        "lkup_nibrs_cleared_exceptionally",
        _key(
            "cleared_exceptionally_code", "str", "Exceptional clearance.", length=1, code_list="cleared_exceptionally"
        ),
        _NAME,
        _DESCRIPTION,
    ),
    _lookup(
        "lkup_nibrs_arrest_type",
        _key("arrest_type_code", "str", "Type of arrest.", length=1, code_list="arrest_type"),
        _NAME,
    ),
    _lookup(
        "lkup_assignment",
        _key("assignment_code", "str", "Officer's assignment.", length=1, code_list="officer_assignment"),
        _NAME,
    ),
    _lookup(
        "lkup_nibrs_activity",
        _key("activity_code", "str", "Officer's activity.", length=2, code_list="officer_activity"),
        _NAME,
    ),
    _lookup(
        "lkup_nibrs_using_list",
        _key("using_code", "str", "Suspected of using.", length=1, code_list="suspected_using"),
        _NAME,
    ),
    _lookup(
        "lkup_nibrs_resident_status",
        _key("resident_status_code", "str", "Resident status.", length=4, code_list="resident"),
        _NAME,
    ),
    LKUP_SRS_OFFENSE,
)

#: Every table, referenced ones before those that refer to them.
DATASETS = (
    *LOOKUP_TABLES,
    *REFERENCE_TABLES,
    FORM_MONTH,
    *SEGMENT_TABLES,
    PE_EMPLOYEE_DATA,
    SUM_MONTH_OFFENSE,
    EST_12MC_RETA_COUNTS,
)

#: Columns that some deliveries lack (handbook 01 and data dictionary); nothing is read from them.
OPTIONAL_COLUMNS = frozenset({("nibrs_incident", "did"), ("nibrs_incident", "judicial_district")})
