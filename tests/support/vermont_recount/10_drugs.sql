-- Tables DM1 to DM10 (handbook 10).

CREATE TABLE drug_incident AS
SELECT incident, bool_or(code = '35A') AS with_drugs, bool_or(code = '35B') AS with_equipment
FROM offense
WHERE completed AND code IN ('35A', '35B')
GROUP BY incident;

-- DM1: incidents with a completed 35A or 35B; DM2 to DM5: with a completed 35A.
INSERT INTO unit (units, col, incident) SELECT 'drug-related', 1, incident FROM drug_incident;
INSERT INTO unit (units, col, incident) SELECT 'completed 35A', 1, incident FROM drug_incident WHERE with_drugs;

INSERT INTO attribute
SELECT 'drug_equipment_class', 'inc', incident, if(with_drugs, if(with_equipment, 3, 1), 2) FROM drug_incident;

-- Activities of completed 35A: 1 to 8 tabulated, the others not.
CREATE TABLE drug_activity AS
SELECT DISTINCT activity.incident, activity.code, nullif(instr('BCDEOPTU', activity.code), 0) AS act8
FROM activity JOIN offense USING (offense)
WHERE offense.code = '35A' AND completed;
INSERT INTO attribute
SELECT 'crim_activity_35A', 'inc', incident, act8 FROM drug_activity WHERE act8 IS NOT NULL;
INSERT INTO attribute
SELECT DISTINCT 'drug_poss_traff', 'inc', incident, 1
FROM drug_activity WHERE code IN ('B', 'C', 'P', 'U', 'D', 'O', 'T');
INSERT INTO attribute
SELECT DISTINCT 'drug_poss_personal', 'inc', incident, 1 FROM drug_activity WHERE code IN ('B', 'C', 'P', 'U');
INSERT INTO attribute
SELECT DISTINCT 'drug_traff_not_personal', 'inc', incident, 1 FROM drug_activity WHERE code IN ('D', 'O', 'T');

-- Property seized (loss 6), or property but none seized; without property segments neither.
INSERT INTO attribute
SELECT 'property_seized_any', 'inc', incident, bool_or(loss = 6)::INT FROM property GROUP BY incident;
INSERT INTO attribute
SELECT DISTINCT 'property_seized5', 'inc', incident, list_position(['10', '11', '45', '20', '13'], description)
FROM property_item
WHERE loss = 6 AND description IN ('10', '11', '45', '20', '13');

-- Suspected drugs of all property segments.
CREATE TABLE drug_class AS
SELECT unnest(string_split(codes, ' ')) AS code, drug9
FROM (
    VALUES
        (1, 'A B'),
        (2, 'C E'),
        (3, 'D F G H'),
        (4, 'I J K'),
        (5, 'L M'),
        (6, 'N O'),
        (7, 'P'),
        (8, 'U'),
        (9, 'X')
) AS classes (drug9, codes);
INSERT INTO attribute SELECT DISTINCT 'drug9', 'inc', incident, drug9 FROM drug JOIN drug_class USING (code);

-- Drug x activity: all pairs of an incident; the single version only where one drug code or one activity code is named.
CREATE TABLE drug_pair AS
SELECT
    incident,
    8 * (drug9 - 1) + act8 AS pair,
    count(DISTINCT drug.code) OVER of_incident = 1 OR count(DISTINCT drug_activity.code) OVER of_incident = 1
        AS is_single
FROM drug_activity
JOIN drug USING (incident)
LEFT JOIN drug_class ON drug_class.code = drug.code
WINDOW of_incident AS (PARTITION BY incident);
INSERT INTO attribute
SELECT DISTINCT 'drug72', 'inc', incident, pair FROM drug_pair WHERE pair IS NOT NULL;
INSERT INTO attribute
SELECT DISTINCT 'drug72_single', 'inc', incident, pair FROM drug_pair WHERE pair IS NOT NULL AND is_single;

INSERT INTO block VALUES
('DM1', 'drug-related', 1, 'total', NULL, NULL),
('DM1', 'drug-related', 2, 'drug_equipment_class', 'inc', NULL),
('DM2', 'completed 35A', 1, 'total', NULL, NULL),
('DM2', 'completed 35A', 2, 'crim_activity_35A', 'inc', NULL),
('DM2', 'completed 35A', 10, 'drug_poss_traff', 'inc', NULL),
('DM2', 'completed 35A', 11, 'drug_poss_personal', 'inc', NULL),
('DM2', 'completed 35A', 12, 'drug_traff_not_personal', 'inc', NULL),
('DM3', 'completed 35A', 1, 'total', NULL, NULL),
('DM3', 'completed 35A', 2, 'property_seized_any', 'inc', [1]),
('DM3', 'completed 35A', 3, 'property_seized5', 'inc', NULL),
('DM3', 'completed 35A', 8, 'property_seized_any', 'inc', [0]),
('DM4', 'completed 35A', 1, 'total', NULL, NULL),
('DM4', 'completed 35A', 2, 'drug9', 'inc', NULL),
('DM5', 'completed 35A', 1, 'total', NULL, NULL),
('DM5', 'completed 35A', 2, 'drug72', 'inc', NULL),
('DM5', 'completed 35A', 74, 'drug72_single', 'inc', NULL);

-- DM6 to DM9: 54 columns, the pairs of a drug with the activities B C D P T U (E and O are left out).
CREATE TABLE pair_column AS
SELECT drug9, 6 * (drug9 - 1) + j AS col, 8 * (drug9 - 1) + [1, 2, 3, 6, 7, 8][j] AS pair
FROM range(1, 10) AS drugs (drug9), range(1, 7) AS activities (j);

CREATE TABLE pair_of_incident AS
SELECT variable, key AS incident, drug9, col
FROM attribute JOIN pair_column ON pair = category
WHERE variable IN ('drug72', 'drug72_single');

-- Incidents of any of the 54 pairs (in every column), of any of the six pairs of the column's drug, and of the column.
CREATE TABLE drug_unit AS
SELECT 'any pair' AS which, variable, c.col, incident
FROM (SELECT DISTINCT variable, incident FROM pair_of_incident), pair_column AS c
UNION ALL
SELECT 'same drug', variable, c.col, incident
FROM (SELECT DISTINCT variable, incident, drug9 FROM pair_of_incident) JOIN pair_column AS c USING (drug9)
UNION ALL
SELECT 'pair', variable, col, incident
FROM pair_of_incident;

INSERT INTO unit (units, col, incident)
SELECT 'incident of ' || which || ' ' || variable, col, incident FROM drug_unit;
INSERT INTO unit (units, col, incident, arrestee)
SELECT 'arrestee of ' || which || ' ' || variable, col, incident, arrestee FROM drug_unit JOIN arrestee USING (incident);

INSERT INTO block
SELECT table_name, 'incident of ' || which || ' ' || pairs, blocks.* EXCLUDE (which)
FROM (VALUES ('DM6', 'drug72_single'), ('DM8', 'drug72')) AS counted (table_name, pairs),
    (
        VALUES
            ('any pair', 1, 'total', NULL, NULL),
            ('same drug', 2, 'total', NULL, NULL),
            ('pair', 3, 'loc10', 'inc', NULL),
            ('pair', 13, 'tod_incident', 'inc', NULL),
            ('pair', 20, 'tod_report', 'inc', NULL),
            ('pair', 27, 'population_group', 'ori', NULL),
            ('pair', 32, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
            ('pair', 38, 'total', NULL, NULL),
            ('pair', 39, 'msa', 'ori', NULL),
            ('pair', 43, 'loc11', 'inc', NULL)
    ) AS blocks (which, start, variable, level, categories);

INSERT INTO block
SELECT table_name, 'arrestee of ' || which || ' ' || pairs, blocks.* EXCLUDE (which)
FROM (VALUES ('DM7', 'drug72_single'), ('DM9', 'drug72')) AS counted (table_name, pairs),
    (
        VALUES
            ('any pair', 1, 'total', NULL, NULL),
            ('same drug', 2, 'total', NULL, NULL),
            ('pair', 3, 'age8', 'arr', NULL),
            ('pair', 11, 'sex3', 'arr', [1, 2]),
            ('pair', 13, 'race6', 'arr', NULL),
            ('pair', 19, 'sex3', 'arr', [1]),
            ('pair', 20, 'race6_of_male', 'arr', NULL),
            ('pair', 26, 'sex3', 'arr', [2]),
            ('pair', 27, 'race6_of_female', 'arr', NULL),
            ('pair', 33, 'sex3', 'arr', [3]),
            ('pair', 34, 'race6_of_unknown', 'arr', NULL),
            ('pair', 40, 'juvenile_disposition', 'arr', NULL),
            ('pair', 44, 'multiple_arrest', 'arr', NULL),
            ('pair', 47, 'armed_no_yes', 'arr', NULL),
            ('pair', 49, 'total', NULL, NULL),
            ('pair', 50, 'under18_2', 'arr', NULL),
            ('pair', 52, 'a12_17_2', 'arr', NULL),
            ('pair', 54, 'uo18', 'arr', [2, 3]),
            ('pair', 56, 'ethnicity3', 'arr', NULL),
            ('pair', 59, 'rh7', 'arr', NULL)
    ) AS blocks (which, start, variable, level, categories);

-- DM10: arrestees of incidents with a completed 35A (column 1) and with each of the three flags.
INSERT INTO unit (units, col, incident, arrestee)
SELECT 'arrestee of drug incident', col, incident, arrestee
FROM (
    SELECT 1 AS col, incident FROM drug_incident WHERE with_drugs
    UNION ALL
    SELECT list_position(['drug_poss_traff', 'drug_poss_personal', 'drug_traff_not_personal'], variable) + 1, key
    FROM attribute
    WHERE variable IN ('drug_poss_traff', 'drug_poss_personal', 'drug_traff_not_personal')
)
JOIN arrestee USING (incident);
INSERT INTO block VALUES
('DM10', 'arrestee of drug incident', 1, 'total', NULL, NULL),
('DM10', 'arrestee of drug incident', 2, 'sex3', 'arr', [1, 2]);
