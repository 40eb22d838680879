-- Tables GV1a, GV2a, GV3a: offenses with a firearm (handbook 10, decision 15). Rows 2: rates.

-- GV1a: victim x offense, but robberies and carjackings once per offense.
INSERT INTO unit (units, col, incident, offense, victim)
SELECT 'firearm offense', col, incident, offense, victim
FROM offense_column JOIN victim_offense USING (offense, incident, code)
WHERE family = 'CGV' AND code != '120' AND offense IN (FROM firearm_offense);
INSERT INTO unit (units, col, incident, offense)
SELECT 'firearm offense', col, incident, offense
FROM offense_column
WHERE family = 'CGV' AND code = '120' AND offense IN (FROM firearm_offense);

INSERT INTO block
SELECT 'GV1a', 'firearm offense', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'single_multi_firearm', 'off', [1]),
        (4, 'single_gun3', 'off', NULL),
        (7, 'single_multi_firearm', 'off', [2]),
        (8, 'loc12', 'off', NULL)
);

-- GV2a: person victims of a firearm offense of the column.
INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT 'firearm victim', col, incident, victim
FROM offense_column JOIN victim_offense USING (offense, incident, code)
WHERE family = 'CGV' AND is_person AND offense IN (FROM firearm_offense);

INSERT INTO block
SELECT 'GV2a', 'firearm victim', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'age8', 'vic', NULL),
        (11, 'uo18', 'vic', [1]),
        (12, 'under18_2', 'vic', NULL),
        (14, 'uo18', 'vic', [2, 3]),
        (16, 'n_person_victims', 'inc', NULL),
        (20, 'sex3', 'vic', NULL),
        (23, 'race6', 'vic', NULL),
        (33, 'murdered', 'vic', NULL),
        (35, 'n_firearm_victims', 'inc', NULL),
        (39, 'injury_hierarchy5', 'vic', NULL),
        (44, 'injury_hierarchy6', 'vic', NULL),
        (50, 'vor_hierarchy8', 'vic', NULL),
        (58, 'vor_hierarchy_known6', 'vic', NULL),
        (64, 'ethnicity3', 'vic', NULL),
        (67, 'rh7', 'vic', NULL)
);

-- Rows 29-32: incidents by the number of their victims that are units of the column (decision 11).
INSERT INTO cell
SELECT 'GV2a', 28 + victims, col, count(*)
FROM (
    SELECT col, incident, least(count(*), 4) AS victims FROM unit WHERE units = 'firearm victim' GROUP BY ALL
)
GROUP BY ALL;

-- GV3a: incidents with a firearm offense of the column.
INSERT INTO unit (units, col, incident)
SELECT DISTINCT 'firearm incident', col, incident
FROM offense_column
WHERE family = 'CGV' AND offense IN (FROM firearm_offense);

INSERT INTO block
SELECT 'GV3a', 'firearm incident', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'offender5', 'inc', NULL),
        (8, 'clearance3', 'inc', NULL),
        (11, 'exceptional5', 'inc', NULL)
);
