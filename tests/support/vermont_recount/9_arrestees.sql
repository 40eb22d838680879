-- Tables 4a, 4b, 5a, 5b. Rows of 4b and 5b are the counts behind the rates.

-- 4a, 4b: arrestees of incidents with an offense of the column.
INSERT INTO unit (units, col, incident, arrestee)
SELECT DISTINCT 'arrestee', col, incident, arrestee
FROM offense_column JOIN arrestee USING (incident)
WHERE family = 'C4A';

-- 5a, 5b: arrestees by their own arrest code.
INSERT INTO unit (units, col, incident, arrestee)
SELECT DISTINCT 'arrestee by arrest code', col, incident, arrestee
FROM arrest_code_column
WHERE family = 'C5A';

INSERT INTO block
SELECT table_name, units, blocks.*
FROM (VALUES ('4a', 'arrestee'), ('5a', 'arrestee by arrest code')) AS counted (table_name, units),
    (
        VALUES
            (1, 'total', NULL, NULL),
            (2, 'arrest_type', 'arr', NULL),
            (5, 'age10', 'arr', NULL),
            (15, 'sex3', 'arr', NULL),
            (18, 'race6', 'arr', NULL),
            (24, 'sex3', 'arr', [1]),
            (25, 'race6_of_male', 'arr', NULL),
            (31, 'sex3', 'arr', [2]),
            (32, 'race6_of_female', 'arr', NULL),
            (38, 'sex3', 'arr', [3]),
            (39, 'race6_of_unknown', 'arr', NULL),
            (45, 'juvenile_disposition', 'arr', NULL),
            (49, 'multiple_arrest', 'arr', NULL),
            (52, 'armed_no_yes', 'arr', NULL),
            (54, 'armed3', 'arr', NULL),
            (57, 'weapon_no_yes', 'inc', NULL),
            (59, 'weapon6', 'inc', NULL),
            (65, 'under18_2', 'arr', NULL),
            (67, 'a12_17_2', 'arr', NULL),
            (69, 'uo18', 'arr', [2, 3]),
            (71, 'ethnicity3', 'arr', NULL),
            (74, 'rh7', 'arr', NULL)
    ) AS blocks;

-- Row 17 of 4a (unknown sex) is dropped.
UPDATE block SET categories = [1, 2] WHERE table_name = '4a' AND start = 15;

INSERT INTO block
SELECT table_name, units, blocks.*
FROM (VALUES ('4b', 'arrestee'), ('5b', 'arrestee by arrest code')) AS counted (table_name, units),
    (
        VALUES
            (1, 'total', NULL, NULL),
            (2, 'arrest_type', 'arr', NULL),
            (5, 'age10', 'arr', NULL),
            (15, 'sex3', 'arr', NULL),
            (18, 'race6', 'arr', NULL),
            (24, 'under18_2', 'arr', NULL),
            (26, 'a12_17_2', 'arr', NULL),
            (28, 'uo18', 'arr', [2, 3]),
            (30, 'ethnicity3', 'arr', NULL),
            (33, 'rh7', 'arr', NULL)
    ) AS blocks;
