-- Tables 3c, LEOKA, YT1 and YT2.

-- 3c: victims that are no persons, with an offense of the column: businesses, and all others (handbook 10). Rows 2 and
-- 4: rates.
INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT if(type = 'B', 'business', 'other non-person victim'), col, incident, victim
FROM offense_column JOIN victim_offense USING (offense, incident, code)
WHERE family = 'C1B' AND type IN ('B', 'F', 'G', 'R', 'S', 'O', 'U');
INSERT INTO block VALUES
('3c', 'business', 1, 'total', NULL, NULL),
('3c', 'other non-person victim', 3, 'total', NULL, NULL);

-- LEOKA: officers who are victims of an assault offense (handbook 10). Row 2: rate.
INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT 'officer', 1, incident, victim
FROM victim_offense
WHERE type = 'L' AND code IN ('13A', '13B', '13C');

INSERT INTO block
SELECT 'LEOKA', 'officer', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'leoka_activity', 'vic', NULL),
        (14, 'leoka_assignment', 'vic', NULL),
        (20, 'weapon_no_yes', 'vic', NULL),
        (22, 'weapon6', 'vic', NULL),
        (28, 'injury_no_yes', 'vic', NULL),
        (30, 'victim_count', 'inc', NULL),
        (32, 'offender_count', 'inc', NULL),
        (35, 'offense_count', 'inc', NULL),
        (38, 'vor6', 'vic', NULL),
        (44, 'loc10', 'vic', NULL),
        (54, 'tod_incident', 'inc', NULL),
        (61, 'tod_report', 'inc', NULL),
        (68, 'clearance3', 'inc', NULL),
        (71, 'exceptional5', 'inc', NULL),
        (76, 'loc11', 'vic', NULL),
        (87, 'vor5', 'vic', NULL)
);

-- YT1: murdered persons aged 12 to 17.
INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT 'murdered youth', col, incident, victim
FROM offense_column
JOIN victim_offense USING (offense, incident, code)
JOIN person ON level = 'vic' AND key = victim
WHERE family = 'CYT' AND is_person AND age BETWEEN 12 AND 17;

INSERT INTO block
SELECT 'YT1', 'murdered youth', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (2, 'a12_17_2', 'vic', NULL),
        (4, 'sex3', 'vic', NULL),
        (7, 'ethnicity3', 'vic', NULL),
        (10, 'er12', 'vic', [1, 2, 3, 4]),
        (14, 'er12', 'vic', [5, 6, 7, 8]),
        (18, 'er12', 'vic', [9, 10, 11, 12])
);

-- YT2: murdered persons of incidents with an offender aged 12 or older or of missing age, or with unknown offenders.
INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT 'murdered by 12 or older', col, incident, victim
FROM offense_column
JOIN victim_offense USING (offense, incident, code)
JOIN offender_flags USING (incident)
WHERE
    family = 'CYT'
    AND is_person
    AND (any_offender_12_17 OR any_offender_18plus OR any_offender_age_missing OR unknown_offender_incident);

INSERT INTO block
SELECT 'YT2', 'murdered by 12 or older', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (2, 'any_offender_12_17', 'inc', NULL),
        (3, 'any_offender_18plus', 'inc', NULL),
        (4, 'any_offender_age_missing', 'inc', NULL),
        (5, 'unknown_offender_incident', 'inc', NULL)
);
