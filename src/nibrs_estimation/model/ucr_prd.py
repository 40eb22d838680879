"""The tables of an FBI `ucr_prd` PostgreSQL database, which the source `postgresql` reads and checks.

Each dataset is a table of the database, with the same name, columns and types. The type of a column that the
specification does not state follows from its values. Only keys must not be null; the importer handles nulls in all
other columns.
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
_OF_FORM = _number(
    "form_month_id", "int64", "Identifier of the monthly report that contains the record.", "form_month.form_month_id"
)
_OF_INCIDENT = _number("incident_id", "int64", "Identifier of the incident.", "nibrs_incident.incident_id")
_KEY_OFFENSE = _key("offense_id", "int64", "Identifier of the offense.", "nibrs_offense.offense_id")
_KEY_VICTIM = _key("victim_id", "int64", "Identifier of the victim.", "nibrs_victim.victim_id")
_SEQUENCE = _number("sequence_number", "int16", "Number of the person within the incident; 0 for an unknown offender.")
_PERSON = (
    _text("age_code", "Age: NN, NB, BB, 01 to 98, 99, 00 (unknown) or NS (not specified).", 2, "age"),
    _number("age_code_range_low", "int16", "Lower end of a reported age range.", unit="years"),
    _number("age_code_range_high", "int16", "Upper end of a reported age range.", unit="years"),
    _text("sex_code", "Sex: M, F, U or X (not specified).", 1, "sex"),
    _text("race_code", "Code of the race.", 2, "race"),
    _text("ethnicity_code", "Code of the ethnicity.", 1, "ethnicity"),
)
_RESIDENT = _text("resident_status_code", "Resident status: R, N or U; 'None' and '-1' mean missing.", 4, "resident")
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
    _number("agency_id", "int32", "The FBI's number of the reporting agency.", "ref_agency.agency_id"),
    _number("data_year", "int16", "Year of the report."),
    Column("data_month", "int16", "Month of the report, 1 to 12.", is_nullable=True, codes=_MONTHS),
    _text("form_code", "Form of the report: N incidents, R Return A, P police employees.", 1, "form_code"),
    _flag("is_zero_report", "True if the report is a zero report; null if unknown."),
    _number("month_included_in", "int16", "Month whose report includes the counts of this month."),
)
NIBRS_INCIDENT = _table(
    "nibrs_incident",
    "Incidents.",
    ("incident_id",),
    _key("incident_id", "int64", "Identifier of the incident."),
    _number("agency_id", "int32", "The FBI's number of the agency that reports the incident.", "ref_agency.agency_id"),
    _OF_FORM,
    _text("incident_number", "The agency's own number of the incident, encrypted."),
    _date("incident_date", "Date of the incident, or of the report."),
    _flag("is_reported_date", "True if incident_date is the date of the report."),
    _number("incident_hour", "int16", "Hour of the incident, 0 to 23."),
    _text("cleared_exceptionally_code", "Reason of the exceptional clearance.", 1, "cleared_exceptionally"),
    _date("cleared_exceptionally_date", "Date of the exceptional clearance."),
    _flag("is_cargo_theft", "True if the incident involves cargo theft."),
    _number("did", "int64", "Identifier of the delivery."),
    _text("judicial_district", "Federal judicial district."),
)
NIBRS_OFFENSE = _table(
    "nibrs_offense",
    "Offenses of incidents.",
    ("offense_id",),
    _key("offense_id", "int64", "Identifier of the offense."),
    _OF_INCIDENT,
    _text("offense_code", "NIBRS offense code.", 3, "offense"),
    _text("attempt_complete_code", "Attempted or completed: A attempted, C completed.", 1, "attempt_complete"),
    _text("location_code", "NIBRS location code.", 2, "location"),
    _number("num_premises_entered", "int16", "Number of premises entered in a burglary.", unit="premises"),
    _text("method_of_entry_code", "Method of entry: F force, N no force.", 1, "method_of_entry"),
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
    _text("activity_code", "Activity of an officer who was a victim.", 2, "officer_activity"),
    _text("assignment_code", "Assignment of an officer who was a victim.", 1, "officer_assignment"),
    _number("outside_agency_id", "int32", "Agency of an officer who was a victim, if it is another agency."),
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
    _text(
        "multiple_indicator_code",
        "Arrestee counted in several incidents: C count, M multiple, N not applicable.",
        1,
        "multiple_indicator",
    ),
    _text("offense_code", "NIBRS offense code of the arrest.", 3, "offense"),
    *_PERSON,
    _RESIDENT,
    _text(
        "under_18_disposition_code",
        "Disposition of an arrestee under 18: H handled within department, R referred.",
        1,
        "under_18_disposition",
    ),
)
NIBRS_GROUPB_ARRESTEE = _table(
    "nibrs_groupb_arrestee",
    "Arrestees of Group B offenses, which have no incident.",
    ("groupb_arrestee_id",),
    _key("groupb_arrestee_id", "int64", "Identifier of the arrestee."),
    _OF_FORM,
    _number("agency_id", "int32", "The FBI's number of the arresting agency.", "ref_agency.agency_id"),
    *_ARREST,
    _text("offense_code", "NIBRS offense code of the arrest.", 3, "offense"),
    *_PERSON,
    _RESIDENT,
    _text(
        "under_18_disposition_code",
        "Disposition of an arrestee under 18: H handled within department, R referred.",
        1,
        "under_18_disposition",
    ),
)
NIBRS_PROPERTY = _table(
    "nibrs_property",
    "Property segments: one for each incident and type of loss.",
    ("property_id",),
    _key("property_id", "int64", "Identifier of the property segment."),
    _OF_INCIDENT,
    _number("prop_loss_code", "int16", "Type of loss.", code_list="property_loss"),
    _number("stolen_count", "int16", "Number of stolen motor vehicles.", unit="vehicles"),
    _number("recovered_count", "int16", "Number of recovered motor vehicles.", unit="vehicles"),
)
NIBRS_PROPERTY_DESCRIPTION = _table(
    "nibrs_property_description",
    "Property descriptions within a property segment.",
    ("property_id", "prop_desc_code"),
    _key("property_id", "int64", "Identifier of the property segment.", "nibrs_property.property_id"),
    _key("prop_desc_code", "str", "Description of the property.", length=2, code_list="property_description"),
    _number("property_value", "numeric(12,3)", "Value of the property; 1 for an unknown value.", unit="US dollars"),
    _date("date_recovered", "Date on which the property was recovered."),
)
NIBRS_SUSPECTED_DRUG = _table(
    "nibrs_suspected_drug",
    "Suspected drugs within a property segment.",
    ("suspected_drug_id",),
    _key("suspected_drug_id", "int64", "Identifier of the row."),
    _number("property_id", "int64", "Identifier of the property segment.", "nibrs_property.property_id"),
    _text("drug_code", "Code of the suspected drug.", 1, "drug"),
    _text("drug_measure_code", "Unit of measurement of the quantity.", 2, "drug_measure"),
    _number("est_drug_qty", "numeric(12,3)", "Estimated quantity, in the unit of drug_measure_code."),
)
NIBRS_VICTIM_OFFENSE = _table(
    "nibrs_victim_offense",
    "Offenses that affected a victim.",
    ("victim_id", "offense_id"),
    _KEY_VICTIM,
    _KEY_OFFENSE,
)
NIBRS_VICTIM_OFFENDER_RELATIONSHIP = _table(
    "nibrs_victim_offender_relationship",
    "Relationship of a victim to an offender.",
    ("victim_id", "offender_id"),
    _KEY_VICTIM,
    _key("offender_id", "int64", "Identifier of the offender.", "nibrs_offender.offender_id"),
    _text("relationship_code", "Code of the relationship.", 2, "relationship"),
)
NIBRS_VICTIM_INJURY = _table(
    "nibrs_victim_injury",
    "Injuries of a victim.",
    ("victim_id", "injury_code"),
    _KEY_VICTIM,
    _key("injury_code", "str", "NIBRS injury code.", length=1, code_list="injury"),
)
NIBRS_VICTIM_CIRCUMSTANCE = _table(
    "nibrs_victim_circumstance",
    "Circumstances of homicides and aggravated assaults.",
    ("victim_id", "circumstance_code"),
    _KEY_VICTIM,
    _key("circumstance_code", "int16", "NIBRS circumstance code.", code_list="circumstance"),
    _text("justifiable_force_code", "Circumstance of a justifiable homicide.", 1, "justifiable_force"),
)
NIBRS_BIAS_MOTIVATION = _table(
    "nibrs_bias_motivation",
    "Bias motivations of an offense.",
    ("offense_id", "bias_code"),
    _KEY_OFFENSE,
    _key("bias_code", "str", "NIBRS bias code; 88 for none.", length=2, code_list="bias"),
)
NIBRS_OFFENSE_WEAPON = _table(
    "nibrs_offense_weapon",
    "Weapons of an offense.",
    ("offense_id", "weapon_code"),
    _KEY_OFFENSE,
    _key(
        "weapon_code", "str", "NIBRS weapon code; the suffix A marks automatic weapons.", length=3, code_list="weapon"
    ),
)
NIBRS_ARRESTEE_WEAPON = _table(
    "nibrs_arrestee_weapon",
    "Weapons carried by arrestees (Group A).",
    ("arrestee_id", "weapon_code"),
    _key("arrestee_id", "int64", "Identifier of the arrestee.", "nibrs_arrestee.arrestee_id"),
    _key("weapon_code", "str", "NIBRS weapon code; 01 for unarmed.", length=3, code_list="weapon"),
)
NIBRS_GROUPB_ARRESTEE_WEAPON = _table(
    "nibrs_groupb_arrestee_weapon",
    "Weapons carried by arrestees of Group B offenses.",
    ("groupb_arrestee_id", "weapon_code"),
    _key("groupb_arrestee_id", "int64", "Identifier of the arrestee.", "nibrs_groupb_arrestee.groupb_arrestee_id"),
    _key("weapon_code", "str", "NIBRS weapon code; 01 for unarmed.", length=3, code_list="weapon"),
)
NIBRS_CRIMINAL_ACTIVITY = _table(
    "nibrs_criminal_activity",
    "Criminal activities and gang involvement of an offense.",
    ("offense_id", "criminal_activity_code"),
    _KEY_OFFENSE,
    _key(
        "criminal_activity_code",
        "str",
        "NIBRS criminal activity or gang code.",
        length=1,
        code_list="criminal_activity",
    ),
)
NIBRS_SUSPECT_USING = _table(
    "nibrs_suspect_using",
    "Whether the offender was suspected of using alcohol, drugs, a computer or a drone.",
    ("offense_id", "using_code"),
    _KEY_OFFENSE,
    _key("using_code", "str", "What the offender was suspected of using.", length=1, code_list="suspected_using"),
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
    _number("code", "int16", "Code of the region, 1 to 4; 99 for other.", code_list="region"),
    _text("name", "Name.", 100),
    _text("description", "Description of the region: Region I to Region IV, Other.", 100),
)
REF_DIVISION = _table(
    "ref_division",
    "Census divisions.",
    ("division_id",),
    _key("division_id", "int16", "Identifier of the division."),
    _number("region_id", "int16", "Identifier of the region of the division.", "ref_region.region_id"),
    _number("code", "int16", "Code of the division, 1 to 9; 99 for other.", code_list="division"),
    _text("name", "Name.", 100),
)
REF_STATE = _table(
    "ref_state",
    "States, territories, and two entries for federal and other agencies.",
    ("state_id",),
    _key("state_id", "int16", "Identifier of the state; not its FIPS code."),
    _number("division_id", "int16", "Identifier of the division of the state.", "ref_division.division_id"),
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
    "Broad population groups.",
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
    _number(
        "parent_pop_group_id",
        "int16",
        "Identifier of the broad population group.",
        "ref_parent_population_group.parent_pop_group_id",
    ),
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
    _date("nibrs_cert_date", "Date on which the program was certified for NIBRS."),
)
REF_AGENCY = _table(
    "ref_agency",
    "Agencies, current attributes.",
    ("agency_id",),
    _key("agency_id", "int32", "The FBI's number of the agency."),
    _text("ori", "Originating agency identifier.", 9),
    _text("legacy_ori", "ORI before a renumbering.", 9),
    _number("agency_type_id", "int16", "Kind of agency.", "ref_agency_type.agency_type_id"),
    _text("ucr_agency_name", "Agency name in the UCR program's list.", 100),
    _text("ncic_agency_name", "Agency name in the NCIC list.", 100),
    _text("pub_agency_name", "Agency name as published.", 100),
    _text("pub_agency_unit", "Unit of the agency as published.", 100),
    _number("state_id", "int16", "State.", "ref_state.state_id"),
    _number("city_id", "int32", "City."),
    _number("campus_id", "int32", "Campus."),
    _number("tribe_id", "int32", "Tribe."),
    _number("tribal_district_id", "int16", "Tribal district."),
    _number("department_id", "int16", "Department."),
    _number("population_family_id", "int16", "Family of population groups."),
    _number("field_office_id", "int16", "FBI field office.", "ref_field_office.field_office_id"),
    _text("judicial_district_code", "Federal judicial district.", 10),
    _number(
        "submitting_agency_id",
        "int32",
        "State program that submits the agency's data.",
        "ref_submitting_agency.agency_id",
    ),
    _text("fid_code", "Code of the federal agency.", 2),
    _text("legacy_notify_agency", "Y or N.", 1),
    _text("special_mailing_group", "Group of mailings.", 1),
    _text("special_mailing_address", "Y or N.", 1),
    _date("nibrs_start_date", "First day of incident-based reporting."),
    _date("nibrs_leoka_start_date", "First day of reporting officers assaulted (LEOKA)."),
    _date("nibrs_ct_start_date", "First day of reporting cargo theft."),
    _date("nibrs_multi_bias_start_date", "First day of reporting several bias motivations for one offense."),
    _date("nibrs_off_eth_start_date", "First day of reporting the ethnicity of offenders."),
    _text("nibrs_leoka_except_flag", "Y or N.", 1),
    _number("added_date", "timestamp", "Time at which the agency was entered."),
)
REF_AGENCY_YEARLY = _table(
    "ref_agency_yearly",
    "Agencies by year.",
    ("agency_id", "data_year"),
    _AGENCY,
    _YEAR,
    _text("agency_status", "Status of the agency: A active, D dormant, F federal, L LEOKA only.", 1, "agency_status"),
    _flag("is_nibrs", "True if the agency reports incidents."),
    _flag("is_direct_contributor", "True if the agency reports directly to the FBI."),
    _flag("is_covered", "True if another agency reports this agency's crimes."),
    _flag("is_publishable", "True if the FBI publishes the agency's figures."),
    _flag("is_suburban_area", "True if the agency is in a suburban area."),
    _flag("is_mip", "True if the agency is on the list of the most populous agencies."),
    _number("population", "int32", "Number of residents.", unit="persons"),
    _number("population_group_id", "int16", "Population group.", "ref_population_group.population_group_id"),
)
REF_AGENCY_STATUS = _table(
    "ref_agency_status",
    "Status of agencies by year.",
    ("agency_id", "data_year"),
    _AGENCY,
    _YEAR,
    _text("agency_status", "Status of the agency: A active, D dormant, F federal, L LEOKA only.", 1, "agency_status"),
)
REF_AGENCY_MONTH_COVERED = _table(
    "ref_agency_month_covered",
    "Which agency covers another in which month.",
    ("agency_id", "data_year", "data_month", "covered_by_agency_id"),
    _AGENCY,
    _YEAR,
    Column("data_month", "int16", "Month, 1 to 12.", codes=_MONTHS),
    _key("covered_by_agency_id", "int32", "The FBI's number of the covering agency.", "ref_agency.agency_id"),
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
    "Metropolitan divisions; an area without divisions has one division with the name of the area.",
    ("metro_div_id",),
    _key("metro_div_id", "int16", "Identifier of the division."),
    _number("msa_id", "int16", "Identifier of the metropolitan statistical area of the division.", "ref_msa.msa_id"),
    _text("name", "Name."),
    _flag("is_parent_msa", "True if the row is the whole metropolitan area, not a division."),
    _number("legacy_msa_code", "int16", "Former code of the area."),
    _number("omb_code", "int32", "Code of the Office of Management and Budget."),
)
REF_COUNTY = _table(
    "ref_county",
    "Counties.",
    ("county_id",),
    _key("county_id", "int16", "Identifier of the county."),
    _number("state_id", "int16", "Identifier of the state of the county.", "ref_state.state_id"),
    _text("name", "Name.", 100),
    _text("fips_code", "FIPS code within the state, without leading zeros; -1 if not a county.", 5),
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
    _flag("is_core_city", "True if the agency is a core city of its metropolitan area."),
    _number("population", "int32", "Residents of the agency in this county.", unit="persons"),
    _text("legacy_county_code", "Former code of the county.", 20),
    _text("legacy_msa_code", "Former code of the area.", 20),
    Column("source_flag", "str", "Origin of the row.", is_nullable=True, codes=("C", "G", "L", "M"), length=1),
)
PE_EMPLOYEE_DATA = _table(
    "pe_employee_data",
    "Police employees of an agency, from its yearly report (form P).",
    ("form_month_id",),
    _key("form_month_id", "int64", "Identifier of the report.", "form_month.form_month_id"),
    _number("male_officer", "int32", "Number of sworn male officers.", unit="persons"),
    _number("male_civilian", "int32", "Number of male civilian employees.", unit="persons"),
    _number("female_officer", "int32", "Number of sworn female officers.", unit="persons"),
    _number("female_civilian", "int32", "Number of female civilian employees.", unit="persons"),
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
    _key("form_month_id", "int64", "Identifier of the report.", "form_month.form_month_id"),
    _key(
        "breakdown_id",
        "int16",
        "Identifier of the line of the report.",
        "lkup_srs_offense.breakdown_id",
        code_list="srs_breakdown",
    ),
    _key("form_code", "str", "Form of the report: R Return A; F, L, T other forms.", length=1, code_list="form_code"),
    _number("unfounded_count", "int32", "Number of unfounded offenses.", unit="offenses"),
    _number("actual_count", "int32", "Number of actual offenses.", unit="offenses"),
    _number("cleared_count", "int32", "Number of cleared offenses.", unit="offenses"),
    _number(
        "juvenile_cleared_count", "int32", "Number of offenses cleared by arrest of juveniles only.", unit="offenses"
    ),
    _number("uninhabited_count", "int32", "Number of offenses against uninhabited structures.", unit="offenses"),
    _number("estimated_damage_value", "int32", "Estimated damage.", unit="US dollars"),
    _number("nibrs_incident_id", "int64", "Identifier of the incident from which the count was derived."),
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
    _flag("in_msa", "True if the agency is in a metropolitan statistical area."),
    _number("population", "int32", "Number of residents.", unit="persons"),
    _number("months_complete", "int16", "Number of months reported, 0 to 12.", unit="months"),
    _key("offense_code", "str", "SRS offense code.", length=4, code_list="srs_offense"),
    _number("actual_count", "int32", "Number of offenses reported.", unit="offenses"),
    _number("est_12mc_count", "int32", "Number of offenses, extrapolated to twelve months.", unit="offenses"),
    _text("est_method", "Estimation method: A, M or R.", 1, "estimation_method"),
    _number("est_x_factor", "numeric(12,3)", "Twelve divided by the number of months reported."),
    _number("est_rate_per_100000", "numeric(12,3)", "Rate of offenses.", unit="per 100,000 persons"),
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
        _text("crime_against", "What the crime is against: Person, Property, Society or Not a Crime.", 20),
        _flag("used_for_ct", "True if cargo theft may be reported with the offense."),
        _flag("used_for_hc", "True if hate crime may be reported with the offense."),
        _text("hc_code", "Code in hate crime reports.", 2),
        _text("category_name", "Category.", 100),
        _text("offense_group", "Offense group: A or B.", 5),
        _text("count_method", "How the offense is counted: VICTIM, OFFENSE, SPECIAL or N/A.", 10),
        _number("hier_level", "int16", "Rank in the hierarchy rule."),
        _number("sort_order", "int16", "Order in lists."),
        _text("label", "Label.", 150),
        _date("hc_eff_date", "Date from which hate crime reports include the offense."),
        _date("ct_eff_date", "Date from which cargo theft reports include the offense."),
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
        _flag("used_for_shr", "True if homicide reports include the weapon."),
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
        _flag("is_domestic", "True for a domestic relationship."),
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

#: (table, column) -> smallest and largest number that can be right; None for no limit.
RANGES: dict[tuple[str, str], tuple[int | None, int | None]] = {
    ("nibrs_incident", "incident_hour"): (0, 23),
    ("est_12mc_reta_counts", "months_complete"): (0, 12),
    # Incidents have been reported since 1985.
    **{
        (table, "data_year"): (1985, 2100)
        for table in ("form_month", "ref_agency_yearly", "ref_agency_status", "ref_agency_month_covered",
                      "ref_agency_covered_by", "ref_agency_county", "est_12mc_reta_counts")
    },
    ("ref_agency_yearly", "population"): (0, None),
    ("ref_agency_county", "population"): (0, None),
    ("est_12mc_reta_counts", "population"): (0, None),
    **{
        ("pe_employee_data", column): (0, None)
        for column in ("male_officer", "male_civilian", "female_officer", "female_civilian")
    },
    **{("nibrs_property", column): (0, None) for column in ("stolen_count", "recovered_count")},
}  # fmt: skip
