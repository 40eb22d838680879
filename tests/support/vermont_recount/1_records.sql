-- The raw CSV files of a state, decoded: ids become codes, and each record keeps the key of the records it belongs to.
-- Schema "raw" holds one text-only table per CSV file.

CREATE TABLE agency AS
SELECT
    agency_id::BIGINT AS agency,
    -- handbook 10 "Agency attributes"; every other id and type: missing.
    CASE
        WHEN population_group_id::INT IN (3, 4, 5, 6, 13, 19) THEN 1
        WHEN population_group_id::INT IN (7, 8, 14, 20) THEN 2
        WHEN population_group_id::INT IN (9, 15, 21) THEN 3
        WHEN population_group_id::INT IN (10, 11, 16, 22) THEN 4
        WHEN population_group_id::INT IN (17, 23) THEN 5
    END AS population_group,
    CASE upper(trim(agency_type_name))
        WHEN 'CITY' THEN 1
        WHEN 'COUNTY' THEN 2
        WHEN 'UNIVERSITY OR COLLEGE' THEN 3
        WHEN 'STATE POLICE' THEN 4
        WHEN 'OTHER' THEN 5
        WHEN 'OTHER STATE AGENCY' THEN 5
        WHEN 'TRIBAL' THEN 6
        WHEN 'FEDERAL' THEN 7
    END AS agency_type,
    -- Metropolitan status: an area that is named; else a city outside of areas, or another county; no entry: missing.
    CASE
        WHEN msa_name IS NULL THEN 4
        WHEN upper(trim(msa_name)) NOT IN ('NOT SPECIFIED', 'NOT AVAILABLE') THEN 1
        WHEN population_group_id::INT BETWEEN 3 AND 11 THEN 2
        ELSE 3
    END AS msa
FROM raw.agencies;

-- Incidents of the data year by incident date (decision 22).
CREATE TABLE incident AS
SELECT
    incident_id::BIGINT AS incident,
    agency_id::BIGINT AS agency,
    incident_hour::INT AS hour,
    incident_date[6:7]::INT AS month,
    coalesce(lower(report_date_flag), 'f') IN ('t', 'r', 'y') AS is_report_date,
    cleared_except_code AS exceptional
FROM raw.nibrs_incident
LEFT JOIN raw.nibrs_cleared_except USING (cleared_except_id)
WHERE incident_date[1:4] = data_year;

CREATE TABLE offense AS
SELECT
    offense_id::BIGINT AS offense,
    incident_id::BIGINT AS incident,
    upper(trim(offense_code)) AS code,
    attempt_complete_flag = 'C' AS completed,
    location_code AS location
FROM raw.nibrs_offense
LEFT JOIN raw.nibrs_location_type USING (location_id)
WHERE incident_id::BIGINT IN (SELECT incident FROM incident);

CREATE TABLE victim AS
SELECT
    victim_id::BIGINT AS victim,
    incident_id::BIGINT AS incident,
    victim_type_code AS type,
    victim_type_code IN ('I', 'L') AS is_person,
    age_num,
    age_code,
    sex_code,
    race_code,
    ethnicity_code,
    activity_type_code AS leoka_activity,
    assignment_type_code AS leoka_assignment
FROM raw.nibrs_victim
LEFT JOIN raw.nibrs_victim_type USING (victim_type_id)
LEFT JOIN raw.nibrs_age USING (age_id)
LEFT JOIN raw.ref_race USING (race_id)
LEFT JOIN raw.nibrs_ethnicity USING (ethnicity_id)
LEFT JOIN raw.nibrs_activity_type USING (activity_type_id)
LEFT JOIN raw.nibrs_assignment_type USING (assignment_type_id)
WHERE incident_id::BIGINT IN (SELECT incident FROM incident);

-- Which offense concerned which victim.
CREATE TABLE victim_offense AS
SELECT DISTINCT victim, offense, offense.incident, offense.code, victim.type, victim.is_person
FROM raw.nibrs_victim_offense AS link
JOIN victim ON victim.victim = link.victim_id::BIGINT
JOIN offense ON offense.offense = link.offense_id::BIGINT;

CREATE TABLE offender AS
SELECT
    offender_id::BIGINT AS offender,
    incident_id::BIGINT AS incident,
    offender_seq_num::INT AS sequence, -- 0: nothing is known of the offenders of the incident
    age_num,
    age_code,
    sex_code,
    race_code,
    ethnicity_code
FROM raw.nibrs_offender
LEFT JOIN raw.nibrs_age USING (age_id)
LEFT JOIN raw.ref_race USING (race_id)
LEFT JOIN raw.nibrs_ethnicity USING (ethnicity_id)
WHERE incident_id::BIGINT IN (SELECT incident FROM incident);

-- Arrestees of incidents, and those of Group B of the data year, who have neither incident nor agency: their numbers
-- are below 0, for those of the two groups may be the same.
CREATE TABLE raw_arrestee AS
SELECT arrestee_id::BIGINT AS arrestee, * FROM raw.nibrs_arrestee
WHERE incident_id::BIGINT IN (SELECT incident FROM incident)
UNION ALL BY NAME
SELECT -groupb_arrestee_id::BIGINT AS arrestee, * FROM raw.nibrs_arrestee_groupb
WHERE arrest_date[1:4] = data_year;

CREATE TABLE arrestee AS
SELECT
    arrestee,
    incident_id::BIGINT AS incident,
    upper(trim(offense_code)) AS arrest_code,
    arrest_type_code AS arrest_type,
    multiple_indicator,
    under_18_disposition_code AS disposition,
    age_num,
    age_code,
    sex_code,
    race_code,
    ethnicity_code
FROM raw_arrestee
LEFT JOIN raw.nibrs_arrest_type USING (arrest_type_id)
LEFT JOIN raw.nibrs_age USING (age_id)
LEFT JOIN raw.ref_race USING (race_id)
LEFT JOIN raw.nibrs_ethnicity USING (ethnicity_id);

-- Weapon codes without the A of automatic weapons; 21 to 25 are the firearms 11 to 15 (decision 2).
CREATE MACRO plain_weapon(raw_code) AS
    regexp_replace(regexp_replace(upper(trim(raw_code)), 'A$', ''), '^2([1-5])$', '1\1');

CREATE TABLE weapon AS
SELECT DISTINCT offense, incident, plain_weapon(weapon_code) AS code
FROM raw.nibrs_weapon AS used
JOIN offense ON offense.offense = used.offense_id::BIGINT
JOIN raw.nibrs_weapon_type USING (weapon_id);

CREATE TABLE arrestee_weapon AS
SELECT DISTINCT arrestee, plain_weapon(weapon_code) AS code
FROM (
    SELECT arrestee_id::BIGINT AS arrestee, weapon_id FROM raw.nibrs_arrestee_weapon
    UNION ALL
    SELECT -groupb_arrestee_id::BIGINT, weapon_id FROM raw.nibrs_arrestee_groupb_weapon
)
JOIN arrestee USING (arrestee)
JOIN raw.nibrs_weapon_type USING (weapon_id);

CREATE TABLE activity AS
SELECT DISTINCT offense, incident, criminal_act_code AS code
FROM raw.nibrs_criminal_act AS act
JOIN offense ON offense.offense = act.offense_id::BIGINT
JOIN raw.nibrs_criminal_act_type USING (criminal_act_id);

CREATE TABLE injury AS
SELECT DISTINCT victim, incident, injury_code AS code
FROM raw.nibrs_victim_injury AS hurt
JOIN victim ON victim.victim = hurt.victim_id::BIGINT
JOIN raw.nibrs_injury USING (injury_id);

CREATE TABLE relationship AS
SELECT victim, incident, relationship_code AS code
FROM raw.nibrs_victim_offender_rel AS rel
JOIN victim ON victim.victim = rel.victim_id::BIGINT
JOIN raw.nibrs_relationship USING (relationship_id);

-- Property segments. Loss codes are their ids: 1 none ... 5 recovered, 6 seized, 7 stolen, 8 unknown.
CREATE TABLE property AS
SELECT
    property_id::BIGINT AS property,
    incident_id::BIGINT AS incident,
    prop_loss_id::INT AS loss,
    stolen_count::INT AS stolen_vehicles
FROM raw.nibrs_property
WHERE incident_id::BIGINT IN (SELECT incident FROM incident);

CREATE TABLE property_item AS
SELECT property, incident, loss, prop_desc_code AS description, property_value::BIGINT AS usd
FROM raw.nibrs_property_desc AS item
JOIN property ON property.property = item.property_id::BIGINT
JOIN raw.nibrs_prop_desc_type USING (prop_desc_id);

CREATE TABLE drug AS
SELECT DISTINCT incident, suspected_drug_code AS code
FROM raw.nibrs_suspected_drug AS suspected
JOIN property ON property.property = suspected.property_id::BIGINT
JOIN raw.nibrs_suspected_drug_type USING (suspected_drug_type_id);
