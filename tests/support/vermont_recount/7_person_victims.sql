-- Tables 3a and 3b with their variants of cleared and uncleared incidents (handbook 10): person victims with an offense
-- of the column linked to them.

CREATE TABLE victim_offense_of_column AS
SELECT col, victim, offense, incident
FROM offense_column JOIN victim_offense USING (offense, incident, code)
WHERE family = 'C3A' AND is_person;

-- Clearance 1: not cleared; 2 and 3: cleared.
CREATE TABLE variant AS
FROM (
    VALUES
        ('person victim', '3a', '3b', [1, 2, 3]),
        ('person victim, cleared', '3aclear', '3bclear', [2, 3]),
        ('person victim, uncleared', '3aunclear', '3bunclear', [1])
) AS variants (units, table_3a, table_3b, clearances);

INSERT INTO unit (units, col, incident, victim)
SELECT DISTINCT units, col, incident, victim
FROM victim_offense_of_column
JOIN clearance USING (incident)
JOIN variant ON list_contains(clearances, category);

INSERT INTO attribute SELECT 'officer', 'vic', victim, 1 FROM victim WHERE type = 'L';

-- 3a. Rows 3 and 4: rates.
INSERT INTO block
SELECT table_3a, units, blocks.*
FROM variant,
    (
        VALUES
            (1, 'total', NULL, NULL),
            (2, 'officer', 'vic', NULL),
            (5, 'age10', 'vic', NULL),
            (15, 'sex3', 'vic', NULL),
            (18, 'race6', 'vic', NULL),
            (24, 'vo_age', 'vic', NULL),
            (29, 'vo_sex', 'vic', NULL),
            (34, 'vo_race', 'vic', NULL),
            (45, 'sex3', 'vic', [1]),
            (46, 'race6_of_male', 'vic', NULL),
            (52, 'sex3', 'vic', [2]),
            (53, 'race6_of_female', 'vic', NULL),
            (59, 'sex3', 'vic', [3]),
            (60, 'race6_of_unknown', 'vic', NULL),
            (66, 'weapon_no_yes', 'vic', NULL),
            (68, 'weapon6', 'vic', NULL),
            (74, 'injury_no_yes', 'vic', NULL),
            (76, 'vor6', 'vic', NULL),
            (82, 'gang', 'vic', NULL),
            (84, 'under18_2', 'vic', NULL),
            (86, 'a12_17_2', 'vic', NULL),
            (88, 'uo18', 'vic', [2, 3]),
            (90, 'vor5', 'vic', NULL),
            (95, 'clearance3', 'inc', NULL),
            (98, 'exceptional5', 'inc', NULL),
            (103, 'weapon_cat2', 'vic', [1]),
            (104, 'weapon_subset_firearm', 'vic', NULL),
            (105, 'weapon_cat2', 'vic', [2]),
            (106, 'weapon_subset_knives', 'vic', NULL),
            (107, 'weapon_cat2', 'vic', [3]),
            (108, 'wh18', 'vic', NULL),
            (126, 'vor_hierarchy8', 'vic', NULL),
            (158, 'weapon4', 'vic', NULL),
            (162, 'ethnicity3', 'vic', NULL),
            (165, 'rh7', 'vic', NULL)
    ) AS blocks;

-- Rows 134-135 and 136-153: over the offenses of the column alone, residence before not residence, and the smallest
-- class of the weapon hierarchy (handbook 10 "within offense", decision 14).
INSERT INTO cell
SELECT table_3a, start + within_offense.category - 1, col, count(*)
FROM (
    SELECT col, victim, incident, b.start, min(a.category) AS category
    FROM victim_offense_of_column
    JOIN attribute AS a ON a.level = 'off' AND a.key = offense
    JOIN (VALUES (134, 'residence'), (136, 'wh18')) AS b (start, variable) ON a.variable = b.variable
    GROUP BY ALL
) AS within_offense
JOIN clearance AS c USING (incident)
JOIN variant ON list_contains(clearances, c.category)
GROUP BY ALL;

-- Rows 154-157: incidents by the number of their victims that are units of the column (decision 11).
INSERT INTO cell
SELECT table_3a, 153 + victims, col, count(*)
FROM (SELECT units, col, incident, least(count(*), 4) AS victims FROM unit GROUP BY ALL)
JOIN variant USING (units)
GROUP BY ALL;

-- 3b: rows 1 and 2 are counts; rows 5 to 79 are the counts behind the rates; rows 3 and 4 are rates of rows 1 and 2.
INSERT INTO block
SELECT table_3b, units, blocks.*
FROM variant,
    (
        VALUES
            (1, 'total', NULL, NULL),
            (2, 'officer', 'vic', NULL),
            (5, 'age10', 'vic', NULL),
            (15, 'sex3', 'vic', NULL),
            (18, 'race6', 'vic', NULL),
            (24, 'under18_2', 'vic', NULL),
            (26, 'a12_17_2', 'vic', NULL),
            (28, 'uo18', 'vic', [2, 3]),
            (30, 'weapon_no_yes', 'vic', NULL),
            (32, 'weapon6', 'vic', NULL),
            (38, 'vor6', 'vic', NULL),
            (44, 'wh18', 'vic', NULL),
            (62, 'vor_hierarchy8', 'vic', NULL),
            (70, 'ethnicity3', 'vic', NULL),
            (73, 'rh7', 'vic', NULL)
    ) AS blocks;
