-- Tables 2a, 2b, 2c. Rows 2: rates.

-- 2a: victim x offense, but robberies once per offense (handbook 10). Robbery stands in columns 15 (robbery) and 18
-- (carjacking), and is added to columns 17 and 20 (violent crime), so every column is the sum of its three kinds of units.
INSERT INTO unit (units, col, incident, offense, victim)
SELECT if(code = '120', 'robbery of victim', 'offense against victim'), col, incident, offense, victim
FROM offense_column JOIN victim_offense USING (offense, incident, code)
WHERE family = 'C2A';
INSERT INTO unit (units, col, incident, offense)
SELECT 'robbery', col, incident, offense FROM offense_column WHERE family = 'C2A' AND code = '120';

-- Robberies take the injuries of the incident, others those of the victim.
INSERT INTO block VALUES
('2a', 'offense against victim', 11, 'injury_no_yes', 'vic', NULL),
('2a', 'robbery', 11, 'injury_no_yes', 'inc', NULL);

-- Relationships are always per victim.
INSERT INTO block
SELECT '2a', *
FROM (VALUES ('offense against victim'), ('robbery of victim')) AS counted (units),
    (
        VALUES
            (18, 'vor6', 'vic', NULL),
            (78, 'vor5', 'vic', NULL)
    );

INSERT INTO block
SELECT '2a', *
FROM (VALUES ('offense against victim'), ('robbery')) AS counted (units),
    (
        VALUES
            (1, 'total', NULL, NULL),
            (3, 'weapon_no_yes', 'off', NULL),
            (5, 'weapon6', 'off', NULL),
            (13, 'victim_count', 'inc', NULL),
            (15, 'offender_count', 'inc', NULL),
            (24, 'loc10', 'off', NULL),
            (34, 'tod_incident', 'inc', NULL),
            (41, 'tod_report', 'inc', NULL),
            (48, 'population_group', 'ori', NULL),
            (54, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
            (61, 'cleared_by_arrest', 'inc', NULL),
            (63, 'msa', 'ori', NULL),
            (67, 'loc11', 'off', NULL),
            (83, 'cyberspace', 'off', NULL),
            (84, 'wh18', 'off', NULL),
            (102, 'residence', 'off', NULL),
            (104, 'cleared_incident', 'inc', NULL),
            (106, 'wh5', 'off', NULL)
    );

-- 2b: offenses; a motor vehicle theft (240) counts by the stolen vehicles of its incident, at least one (handbook 10,
-- decision 17), in each of its columns 1, 11 and 14.
INSERT INTO unit (units, col, incident, offense, times)
SELECT '2b', col, incident, offense, if(code = '240', greatest(coalesce(vehicles, 1), 1), 1)
FROM offense_column
LEFT JOIN (SELECT incident, max(stolen_vehicles) AS vehicles FROM property GROUP BY incident) USING (incident)
WHERE family = 'C2B';

INSERT INTO block
SELECT '2b', '2b', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'weapon_no_yes', 'off', NULL),
        (5, 'weapon6', 'off', NULL),
        (11, 'victim_count', 'inc', NULL),
        (13, 'offender_count', 'inc', NULL),
        (16, 'loc10', 'off', NULL),
        (26, 'tod_incident', 'inc', NULL),
        (33, 'tod_report', 'inc', NULL),
        (40, 'population_group', 'ori', NULL),
        (46, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
        (53, 'cleared_by_arrest', 'inc', NULL),
        (55, 'gang', 'off', NULL),
        (57, 'msa', 'ori', NULL),
        (61, 'loc11', 'off', NULL),
        (72, 'residence', 'off', NULL),
        (74, 'cleared_incident', 'inc', NULL)
);

-- 2c: offenses.
INSERT INTO unit (units, col, incident, offense)
SELECT '2c', col, incident, offense FROM offense_column WHERE family = 'C1C';

INSERT INTO block
SELECT '2c', '2c', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'loc10', 'off', NULL),
        (13, 'tod_incident', 'inc', NULL),
        (20, 'tod_report', 'inc', NULL),
        (27, 'population_group', 'ori', NULL),
        (33, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
        (40, 'cleared_by_arrest', 'inc', NULL),
        (42, 'gang', 'off', NULL),
        (44, 'msa', 'ori', NULL),
        (48, 'loc11', 'off', NULL),
        (59, 'residence', 'off', NULL),
        (61, 'cleared_incident', 'inc', NULL)
);
