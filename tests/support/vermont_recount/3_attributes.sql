-- Every attribute (handbook 10) as a relation: a unit (key) of a level has a category, each category once (decision 1).
-- Levels: inc = incident, off = offense, vic = victim, arr = arrestee, ori = agency (keyed by its incidents).

CREATE TABLE attribute (variable VARCHAR, level VARCHAR, key BIGINT, category INT);

-- Victim count: victims of any type. Offense count: offense segments.
INSERT INTO attribute
SELECT 'victim_count', 'inc', incident, least(count(*), 2) FROM victim GROUP BY incident;
INSERT INTO attribute
SELECT 'offense_count', 'inc', incident, least(count(*), 3) FROM offense GROUP BY incident;

-- Offenders with a sequence of 1 or more are known; an incident with sequence 0 only has unknown offenders (decision 6).
CREATE TABLE known_offenders AS
SELECT incident, count(*) FILTER (sequence >= 1) AS n FROM offender GROUP BY incident;
INSERT INTO attribute
SELECT 'offender_count', 'inc', incident, if(n = 0, 3, least(n, 2)) FROM known_offenders;
INSERT INTO attribute
SELECT 'offender5', 'inc', incident, if(n = 0, 5, least(n, 4)) FROM known_offenders;
CREATE TABLE unknown_offender_incident AS SELECT DISTINCT incident FROM offender WHERE sequence = 0;

-- Time of day: four-hour classes, 7 unknown; two versions by the meaning of the date (decision 9).
INSERT INTO attribute
SELECT if(is_report_date, 'tod_report', 'tod_incident'), 'inc', incident, coalesce(hour // 4 + 1, 7) FROM incident;

-- Clearance (decision 7).
CREATE TABLE clearance AS
SELECT
    incident,
    CASE
        WHEN incident IN (SELECT incident FROM arrestee) THEN 2
        WHEN exceptional IN ('A', 'B', 'C', 'D', 'E') THEN 3
        ELSE 1
    END AS category
FROM incident;
INSERT INTO attribute SELECT 'clearance3', 'inc', incident, category FROM clearance;
INSERT INTO attribute SELECT 'cleared_by_arrest', 'inc', incident, if(category = 2, 2, 1) FROM clearance;
INSERT INTO attribute SELECT 'cleared_incident', 'inc', incident, if(category IN (2, 3), 1, 2) FROM clearance;
INSERT INTO attribute
SELECT 'exceptional5', 'inc', incident, instr('ABCDE', exceptional)
FROM incident WHERE exceptional IN ('A', 'B', 'C', 'D', 'E');

-- Property loss: distinct loss codes (decision 10).
INSERT INTO attribute SELECT DISTINCT 'property_loss', 'inc', incident, loss FROM property WHERE loss BETWEEN 1 AND 8;

-- Agency attributes.
INSERT INTO attribute
SELECT 'population_group', 'ori', incident, population_group
FROM incident JOIN agency USING (agency) WHERE population_group IS NOT NULL;
INSERT INTO attribute
SELECT 'agency_type', 'ori', incident, agency_type
FROM incident JOIN agency USING (agency) WHERE agency_type IS NOT NULL;
INSERT INTO attribute
SELECT 'msa', 'ori', incident, msa FROM incident JOIN agency USING (agency);

-- Weapons (handbook 10). Weapons of a victim: those of all offenses linked to the victim (decision 3).
CREATE TABLE weapon_class AS
FROM (
    VALUES
        ('11', 2, 2, 1, 1, NULL, 2, 2), -- firearm, type not stated
        ('12', 2, 2, 1, 1, NULL, 2, 1), -- handgun
        ('13', 2, 2, 1, 1, NULL, 2, 3), -- rifle
        ('14', 2, 2, 1, 1, NULL, 2, 4), -- shotgun
        ('15', 2, 2, 1, 1, NULL, 2, 5), -- other firearm
        ('20', 2, 3, 2, NULL, 1, 3, 6), -- knife or cutting instrument
        ('30', 2, 4, 2, NULL, NULL, 3, 7), -- blunt object
        ('35', 2, 5, 2, NULL, NULL, 3, 8), -- motor vehicle
        ('40', 2, 1, 2, NULL, NULL, 1, 9), -- personal weapons
        ('50', 2, 5, 2, NULL, NULL, 3, 12), -- poison
        ('60', 2, 5, 1, NULL, NULL, 3, 13), -- explosives
        ('65', 2, 5, 2, NULL, NULL, 3, 14), -- fire or incendiary device
        ('70', 2, 5, 2, NULL, NULL, 3, 11), -- drugs, narcotics, sleeping pills
        ('85', 2, 5, 2, NULL, NULL, 3, 10), -- asphyxiation
        ('90', 2, 5, 2, NULL, NULL, 3, 15), -- other
        ('95', 2, 6, 3, NULL, NULL, 4, 17), -- unknown
        ('99', 1, NULL, NULL, NULL, NULL, NULL, 16) -- none
) AS classes (
    code, weapon_no_yes, weapon6, weapon_cat2, weapon_subset_firearm, weapon_subset_knives, weapon4, wh18
);

CREATE TABLE weapon_at AS
SELECT DISTINCT level, key, weapon_class.*
FROM (
    SELECT 'inc' AS level, incident AS key, code FROM weapon
    UNION ALL
    SELECT 'off', offense, code FROM weapon
    UNION ALL
    SELECT 'vic', victim, weapon.code FROM victim_offense JOIN weapon USING (offense)
)
JOIN weapon_class USING (code);

INSERT INTO attribute -- any Yes is Yes
SELECT 'weapon_no_yes', level, key, max(weapon_no_yes) FROM weapon_at GROUP BY level, key;
INSERT INTO attribute
SELECT DISTINCT variable, level, key, category
FROM (
    UNPIVOT weapon_at
    ON weapon6, weapon_cat2, weapon_subset_firearm, weapon_subset_knives, weapon4
    INTO NAME variable VALUE category
);

-- Weapon hierarchy: the smallest class; 18 where no weapon is recorded; wh5 folds it.
INSERT INTO attribute
SELECT 'wh18', level, key, coalesce(min(wh18), 18)
FROM (
    SELECT 'off' AS level, offense AS key FROM offense
    UNION ALL
    SELECT 'vic', victim FROM victim
)
LEFT JOIN weapon_at USING (level, key)
GROUP BY level, key;
INSERT INTO attribute
SELECT 'wh5', level, key, CASE WHEN category <= 5 THEN 1 WHEN category <= 15 THEN 2 ELSE category - 13 END
FROM attribute WHERE variable = 'wh18';

-- Firearm types of an offense: handgun (12), long gun (13, 14), unknown type (11, 15); one type or several.
INSERT INTO attribute
WITH types AS (
    SELECT
        offense,
        list_distinct(list(CASE code WHEN '12' THEN 1 WHEN '13' THEN 2 WHEN '14' THEN 2 ELSE 3 END)) AS types
    FROM weapon
    WHERE code IN ('11', '12', '13', '14', '15')
    GROUP BY offense
)
SELECT 'single_multi_firearm', 'off', offense, if(len(types) = 1, 1, 2) FROM types
UNION ALL
SELECT 'single_gun3', 'off', offense, types[1] FROM types WHERE len(types) = 1;

-- Locations (handbook 10; decision 8): everything that is not listed is other or unknown.
CREATE TABLE location_class AS
SELECT unnest(string_split(codes, ' ')) AS code, loc10
FROM (
    VALUES
        (1, '14 20'),
        (2, '01 10 13 16 18 42 45 50 51'),
        (3, '22 44 52 53'),
        (4, '02 05 07 08 12 17 19 23 24 40 41 55'),
        (5, '03 21 38 39 47'),
        (6, '04'),
        (7, '11 49 57'),
        (8, '15'),
        (9, '54')
) AS classes (loc10, codes);

CREATE TABLE location_of_offense AS
SELECT
    offense,
    incident,
    coalesce(loc10, 10) AS loc10,
    CASE WHEN location = '09' THEN 10 ELSE coalesce(loc10, 11) END AS loc11,
    CASE WHEN location = '20' THEN 1
        WHEN location = '14' THEN 2
        WHEN location = '09' THEN 11
        ELSE coalesce(loc10 + 1, 12)
    END AS loc12,
    if(location IS NOT DISTINCT FROM '20', 1, 2) AS residence,
    if(location = '58', 1, NULL) AS cyberspace
FROM offense LEFT JOIN location_class ON location = location_class.code;

INSERT INTO attribute
SELECT DISTINCT variable, level, key, category
FROM (
    UNPIVOT (
        SELECT 'inc' AS level, incident AS key, * EXCLUDE (offense, incident) FROM location_of_offense
        UNION ALL
        SELECT 'off', offense, * EXCLUDE (offense, incident) FROM location_of_offense
        UNION ALL
        SELECT 'vic', victim, location_of_offense.* EXCLUDE (offense, incident)
        FROM victim_offense JOIN location_of_offense USING (offense)
    )
    ON loc10, loc11, loc12, residence, cyberspace
    INTO NAME variable VALUE category
);

-- Gang involvement: N none or unknown, J and G gang; any gang is gang.
INSERT INTO attribute
SELECT 'gang', level, key, max(if(code = 'N', 1, 2))
FROM (
    SELECT 'off' AS level, offense AS key, code FROM activity
    UNION ALL
    SELECT 'vic', victim, activity.code FROM victim_offense JOIN activity USING (offense)
)
WHERE code IN ('N', 'J', 'G')
GROUP BY level, key;

-- Injuries: N no, others yes; any yes is yes.
INSERT INTO attribute
SELECT 'injury_no_yes', level, key, max(if(code = 'N', 1, 2))
FROM (
    SELECT 'inc' AS level, incident AS key, code FROM injury
    UNION ALL
    SELECT 'vic', victim, code FROM injury
)
WHERE code IN ('N', 'B', 'G', 'I', 'L', 'M', 'O', 'T', 'U')
GROUP BY level, key;

-- Injury hierarchies: victims of 09A and 09B first, then the gravest injury (decision 13).
CREATE TABLE graded AS
SELECT
    victim,
    CASE WHEN code IN ('O', 'L', 'I', 'G') THEN 2 WHEN code IN ('U', 'B', 'T') THEN 3 WHEN code = 'M' THEN 4 ELSE 5 END
        AS of5,
    CASE
        WHEN code IN ('O', 'G') THEN 2
        WHEN code IN ('L', 'I') THEN 3
        WHEN code IN ('U', 'B', 'T') THEN 4
        WHEN code = 'M' THEN 5
        ELSE 6
    END AS of6
FROM injury
UNION ALL
SELECT victim, 1, 1 FROM victim_offense WHERE code IN ('09A', '09B');
INSERT INTO attribute SELECT 'injury_hierarchy5', 'vic', victim, min(of5) FROM graded GROUP BY victim;
INSERT INTO attribute SELECT 'injury_hierarchy6', 'vic', victim, min(of6) FROM graded GROUP BY victim;
INSERT INTO attribute
SELECT 'murdered', 'vic', victim, if(bool_or(code = '09A'), 1, 2) FROM victim_offense GROUP BY victim;

-- Relationships (handbook 10 "Relationship").
CREATE TABLE relationship_class AS
SELECT unnest(string_split(codes, ' ')) AS code, vor6
FROM (
    VALUES
        (1, 'BG CS SE XS XR'),
        (2, 'CF CH GC GP IL OF PA SB SC SP SS'),
        (3, 'AQ BE CO EE ER FC FP FR NE OK'),
        (4, 'ST'),
        (5, 'VO'),
        (6, 'RU')
) AS classes (vor6, codes);
INSERT INTO attribute
SELECT DISTINCT 'vor6', level, key, vor6
FROM (
    SELECT 'inc' AS level, incident AS key, code FROM relationship
    UNION ALL
    SELECT 'vic', victim, code FROM relationship
)
JOIN relationship_class USING (code);
INSERT INTO attribute
SELECT DISTINCT 'vor5', level, key, greatest(category - 1, 1) FROM attribute WHERE variable = 'vor6';

-- Hierarchy per person victim (decision 5): the smallest relationship, else 7 unknown offender, else 8 missing.
INSERT INTO attribute
SELECT
    'vor_hierarchy8',
    'vic',
    victim,
    coalesce(min(vor6), if(incident IN (FROM unknown_offender_incident), 7, 8))
FROM victim
LEFT JOIN (SELECT victim, vor6 FROM relationship JOIN relationship_class USING (code)) USING (victim)
WHERE is_person
GROUP BY victim, incident;
INSERT INTO attribute
SELECT 'vor_hierarchy_known6', level, key, category
FROM attribute WHERE variable = 'vor_hierarchy8' AND category <= 6;

-- Ages, sexes, races and ethnicities of victims, offenders and arrestees (handbook 10; decision 20).
CREATE TABLE person AS
SELECT
    level,
    key,
    CASE
        WHEN age_code IN ('NN', 'NB', 'BB') THEN 0
        WHEN age_code IN ('00', 'NS') THEN NULL
        ELSE try_cast(coalesce(age_num, age_code) AS INT)
    END AS age,
    CASE sex_code WHEN 'M' THEN 1 WHEN 'F' THEN 2 ELSE 3 END AS sex3,
    CASE
        WHEN race_code = 'W' THEN 1
        WHEN race_code = 'B' THEN 2
        WHEN race_code = 'I' THEN 3
        WHEN race_code IN ('A', 'AP', 'C', 'J') THEN 4
        WHEN race_code = 'P' THEN 5
        ELSE 6
    END AS race6,
    CASE ethnicity_code WHEN 'H' THEN 1 WHEN 'N' THEN 2 ELSE 3 END AS ethnicity3
FROM (
    SELECT 'vic' AS level, victim AS key, age_num, age_code, sex_code, race_code, ethnicity_code FROM victim
    UNION ALL
    SELECT 'offender', offender, age_num, age_code, sex_code, race_code, ethnicity_code FROM offender
    UNION ALL
    SELECT 'arr', arrestee, age_num, age_code, sex_code, race_code, ethnicity_code FROM arrestee
);

CREATE TABLE person_attribute AS
SELECT
    level,
    key,
    sex3,
    race6,
    ethnicity3,
    if(sex3 = 1, race6, NULL) AS race6_of_male,
    if(sex3 = 2, race6, NULL) AS race6_of_female,
    if(sex3 = 3, race6, NULL) AS race6_of_unknown,
    CASE WHEN ethnicity3 = 1 THEN 1 WHEN ethnicity3 = 2 AND race6 <= 5 THEN race6 + 1 ELSE 7 END AS rh7,
    (ethnicity3 - 1) * 4 + CASE WHEN race6 <= 2 THEN race6 WHEN race6 <= 5 THEN 3 ELSE 4 END AS er12,
    CASE
        WHEN age < 5 THEN 1
        WHEN age < 15 THEN 2
        WHEN age = 15 THEN 3
        WHEN age = 16 THEN 4
        WHEN age = 17 THEN 5
        WHEN age < 25 THEN 6
        WHEN age < 35 THEN 7
        WHEN age < 65 THEN 8
        WHEN age >= 65 THEN 9
        ELSE 10
    END AS age10,
    CASE
        WHEN age < 5 THEN 1
        WHEN age < 15 THEN 2
        WHEN age < 18 THEN 3
        WHEN age < 25 THEN 4
        WHEN age < 35 THEN 5
        WHEN age < 65 THEN 6
        WHEN age >= 65 THEN 7
        ELSE 8
    END AS age8,
    CASE WHEN age < 18 THEN 1 WHEN age >= 18 THEN 2 ELSE 3 END AS uo18,
    CASE WHEN age < 12 THEN 1 WHEN age < 18 THEN 2 END AS under18_2,
    CASE WHEN age BETWEEN 12 AND 14 THEN 1 WHEN age BETWEEN 15 AND 17 THEN 2 END AS a12_17_2
FROM person
WHERE level IN ('vic', 'arr');

INSERT INTO attribute
SELECT variable, level, key, category
FROM (
    UNPIVOT person_attribute ON COLUMNS(* EXCLUDE (level, key)) INTO NAME variable VALUE category
);

-- Victim with each known offender of an incident without unknown offenders (decision 4).
CREATE TABLE pair AS
SELECT
    victim.victim,
    of_victim.age AS victim_age,
    of_victim.sex3 AS victim_sex,
    of_victim.race6 AS victim_race,
    of_offender.age AS offender_age,
    of_offender.sex3 AS offender_sex,
    of_offender.race6 AS offender_race
FROM victim
JOIN offender USING (incident)
JOIN person AS of_victim ON of_victim.level = 'vic' AND of_victim.key = victim.victim
JOIN person AS of_offender ON of_offender.level = 'offender' AND of_offender.key = offender.offender
WHERE sequence >= 1 AND incident NOT IN (FROM unknown_offender_incident);

INSERT INTO attribute
SELECT DISTINCT
    'vo_age',
    'vic',
    victim,
    CASE
        WHEN victim_age IS NULL OR offender_age IS NULL THEN 5
        WHEN victim_age < 18 THEN if(offender_age < 18, 1, 2)
        ELSE if(offender_age < 18, 4, 3)
    END
FROM pair;
INSERT INTO attribute
SELECT DISTINCT
    'vo_sex',
    'vic',
    victim,
    CASE
        WHEN victim_sex = 3 OR offender_sex = 3 THEN 5
        WHEN victim_sex = 1 THEN if(offender_sex = 1, 1, 2)
        ELSE if(offender_sex = 2, 3, 4)
    END
FROM pair;
INSERT INTO attribute
SELECT DISTINCT
    'vo_race',
    'vic',
    victim,
    CASE
        WHEN victim_race = 6 OR offender_race = 6 THEN 11
        WHEN victim_race = offender_race THEN 2 * victim_race - 1
        ELSE 2 * victim_race
    END
FROM pair;

-- Officers (LEOKA).
INSERT INTO attribute
SELECT 'leoka_activity', 'vic', victim, leoka_activity::INT FROM victim WHERE leoka_activity IS NOT NULL;
INSERT INTO attribute
SELECT 'leoka_assignment', 'vic', victim, least(instr('FGHIJKL', leoka_assignment), 6)
FROM victim WHERE leoka_assignment IS NOT NULL;

-- Number of person victims of the incident, and of those linked to an offense with a firearm (decision 12).
CREATE TABLE firearm_offense AS
SELECT DISTINCT offense FROM weapon_at JOIN offense ON offense = key WHERE level = 'off' AND weapon_subset_firearm = 1;
INSERT INTO attribute
SELECT 'n_person_victims', 'inc', incident, least(count(*), 4) FROM victim WHERE is_person GROUP BY incident;
INSERT INTO attribute
SELECT 'n_firearm_victims', 'inc', incident, least(count(DISTINCT victim), 4)
FROM victim_offense
WHERE is_person AND offense IN (FROM firearm_offense)
GROUP BY incident;

-- Offenders of an incident by age, for YT2 (handbook 10 "Offender flags").
CREATE TABLE offender_flags AS
SELECT
    incident,
    bool_or(sequence >= 1 AND age BETWEEN 12 AND 17) AS any_offender_12_17,
    bool_or(sequence >= 1 AND age >= 18) AS any_offender_18plus,
    bool_or(sequence = 0) AS unknown_offender_incident,
    bool_or(sequence >= 1 AND age IS NULL) AND NOT bool_or(sequence = 0) AS any_offender_age_missing,
FROM offender
JOIN person ON level = 'offender' AND key = offender
GROUP BY incident;
INSERT INTO attribute
SELECT variable, 'inc', incident, 1
FROM (
    UNPIVOT offender_flags
    ON any_offender_12_17, any_offender_18plus, unknown_offender_incident, any_offender_age_missing
    INTO NAME variable VALUE is_so
)
WHERE is_so;

-- Arrestees.
INSERT INTO attribute
SELECT 'arrest_type', 'arr', arrestee, instr('OST', arrest_type) FROM arrestee WHERE arrest_type IN ('O', 'S', 'T');
INSERT INTO attribute
SELECT 'multiple_arrest', 'arr', arrestee, instr('MCN', multiple_indicator)
FROM arrestee WHERE multiple_indicator IN ('M', 'C', 'N');
INSERT INTO attribute
SELECT
    'juvenile_disposition',
    'arr',
    arrestee,
    CASE WHEN disposition = 'H' THEN 1 WHEN disposition = 'R' THEN 2 WHEN age >= 18 THEN 3 ELSE 4 END
FROM arrestee JOIN person ON level = 'arr' AND key = arrestee;
INSERT INTO attribute
SELECT 'armed_no_yes', 'arr', arrestee, max(if(code = '01', 1, 2)) FROM arrestee_weapon GROUP BY arrestee;
INSERT INTO attribute
SELECT DISTINCT 'armed3', 'arr', arrestee, CASE code WHEN '16' THEN 2 WHEN '17' THEN 3 ELSE 1 END
FROM arrestee_weapon WHERE code IN ('11', '12', '13', '14', '15', '16', '17');
