-- Tables that the reference pipeline does not have (handbook 10 "Tables of this program").

-- BM1: incidents by bias motivation, of any of their offenses.
CREATE TABLE bias AS
SELECT DISTINCT incident, bias_code AS code, bias_category AS category
FROM raw.nibrs_bias_motivation AS motive
JOIN offense ON offense.offense = motive.offense_id::BIGINT
JOIN raw.nibrs_bias_list USING (bias_id);

INSERT INTO attribute
SELECT 'bias_yes_no3', 'inc', incident, min(CASE code WHEN '88' THEN 3 WHEN '99' THEN 2 ELSE 1 END)
FROM bias GROUP BY incident;
INSERT INTO attribute
SELECT DISTINCT 'bias6', 'inc', incident, list_position(
    ['Race/Ethnicity/Ancestry', 'Religion', 'Sexual Orientation', 'Disability', 'Gender', 'Gender Identity'], category
)
FROM bias WHERE code NOT IN ('88', '99');
INSERT INTO attribute
SELECT 'bias34', 'inc', incident, list_position(
    [
        '11', '12', '13', '14', '15', '16', '31', '32', '33', '21', '22', '23', '24', '25', '26', '28', '29', '81',
        '82', '83', '84', '85', '27', '41', '42', '43', '44', '45', '51', '52', '61', '62', '71', '72'
    ], code
)
FROM bias WHERE code NOT IN ('88', '99');
CREATE TABLE hate_crime AS SELECT DISTINCT incident FROM bias WHERE code NOT IN ('88', '99');
INSERT INTO attribute
SELECT variable || '_of_bias', level, key, category
FROM attribute JOIN hate_crime ON incident = key
WHERE (variable, level) IN (('loc10', 'inc'), ('clearance3', 'inc'));

CREATE TABLE own_column AS
SELECT family, unnest(names) AS name, generate_subscripts(names, 1) AS col
FROM (
    SELECT family, regexp_extract_all(names, '\w+') AS names
    FROM (
        VALUES
            ('BM1', 'group_a against_person murder revised_rape aggravated_assault simple_assault intimidation
                against_property robbery burglary larceny vehicle_theft arson vandalism society'),
            ('IM1', 'group_a against_person against_property society violent_crime property_crime murder revised_rape
                robbery aggravated_assault simple_assault burglary larceny vehicle_theft arson vandalism fraud
                drug_narcotic weapon_law'),
            ('GB1', 'group_b dui liquor_law drunkenness disorderly_conduct trespass curfew family_offenses
                failure_to_appear perjury federal_resource bad_checks peeping_tom all_other_offenses'),
            ('PL1', 'against_property property_crime burglary larceny vehicle_theft robbery arson vandalism fraud
                counterfeiting embezzlement extortion stolen_property')
    ) AS families (family, names)
) AS split;

-- All Group A offenses but justifiable homicide.
INSERT INTO offense_list
SELECT 'group_a', offense_code
FROM raw.nibrs_offense_type
WHERE offense_group = 'A' AND offense_code != '09C';

-- Group B, with the parts of "all other".
INSERT INTO offense_list
SELECT 'group_b', offense_code FROM raw.nibrs_offense_type WHERE offense_group = 'B';
INSERT INTO offense_list
VALUES
    ('drunkenness', '90E'), ('bad_checks', '90A'), ('peeping_tom', '90H'),
    ('all_other_offenses', '90Z');

INSERT INTO unit (units, col, incident)
SELECT DISTINCT family, col, incident
FROM own_column JOIN offense_list USING (name) JOIN offense USING (code);

INSERT INTO block
SELECT 'BM1', 'BM1', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'bias_yes_no3', 'inc', NULL),
        (6, 'bias6', 'inc', NULL),
        (12, 'bias34', 'inc', NULL),
        (46, 'loc10_of_bias', 'inc', NULL),
        (56, 'clearance3_of_bias', 'inc', NULL)
);

-- IM1: incidents by month.
INSERT INTO attribute SELECT 'month12', 'inc', incident, month FROM incident;

INSERT INTO block VALUES ('IM1', 'IM1', 1, 'total', NULL, NULL), ('IM1', 'IM1', 3, 'month12', 'inc', NULL);

-- GB1: arrestees of Group B.
INSERT INTO unit (units, col, incident, arrestee)
SELECT DISTINCT 'GB1', col, incident, arrestee
FROM own_column JOIN offense_list USING (name) JOIN arrestee ON arrest_code = code
WHERE family = 'GB1';

INSERT INTO attribute
SELECT
    if(sex.category = 1, 'age10_of_male', 'age10_of_female'), 'arr', key, age.category
FROM attribute AS age JOIN attribute AS sex USING (level, key)
WHERE age.variable = 'age10' AND sex.variable = 'sex3' AND level = 'arr' AND sex.category IN (1, 2);
INSERT INTO attribute
SELECT 'disposition_of_juvenile', 'arr', key, disposition.category
FROM attribute AS disposition JOIN attribute AS age USING (level, key)
WHERE disposition.variable = 'juvenile_disposition' AND age.variable = 'uo18' AND level = 'arr' AND age.category = 1;

INSERT INTO block
SELECT 'GB1', 'GB1', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'arrest_type', 'arr', NULL),
        (6, 'age10', 'arr', NULL),
        (16, 'sex3', 'arr', NULL),
        (19, 'race6', 'arr', NULL),
        (25, 'ethnicity3', 'arr', NULL),
        (28, 'rh7', 'arr', NULL),
        (35, 'uo18', 'arr', NULL),
        (38, 'age10_of_male', 'arr', NULL),
        (48, 'age10_of_female', 'arr', NULL),
        (58, 'disposition_of_juvenile', 'arr', [1, 2, 4])
);

-- PL1: kinds and values of property, by loss; a value of 1 is unknown.
CREATE TABLE property_kind (description VARCHAR, category INT);
INSERT INTO property_kind
VALUES
    ('03', 1), ('05', 1), ('24', 1), ('28', 1), ('37', 1),
    ('38', 2),
    ('09', 3), ('20', 3), ('21', 3), ('22', 3),
    ('25', 4),
    ('17', 5),
    ('06', 6),
    ('13', 7),
    ('07', 8), ('23', 8), ('26', 8), ('27', 8), ('74', 8), ('75', 8),
    ('16', 9),
    ('02', 10), ('08', 10),
    ('12', 11), ('15', 11), ('36', 11), ('43', 11), ('68', 11), ('69', 11),
    ('19', 12),
    ('04', 13),
    ('29', 14), ('30', 14), ('31', 14), ('32', 14), ('33', 14), ('34', 14), ('35', 14);
INSERT INTO attribute
SELECT DISTINCT 'kind_of_loss_' || loss, 'inc', incident, coalesce(category, 15)
FROM property_item LEFT JOIN property_kind USING (description);
INSERT INTO attribute
SELECT
    'value_of_loss_' || loss, 'inc', incident,
    CASE
        WHEN count(usd) FILTER (usd != 1) = 0 THEN 7
        WHEN sum(usd) FILTER (usd != 1) < 50 THEN 1
        WHEN sum(usd) FILTER (usd != 1) < 200 THEN 2
        WHEN sum(usd) FILTER (usd != 1) < 1000 THEN 3
        WHEN sum(usd) FILTER (usd != 1) < 5000 THEN 4
        WHEN sum(usd) FILTER (usd != 1) < 20000 THEN 5
        ELSE 6
    END
FROM property_item GROUP BY loss, incident;

INSERT INTO block
SELECT 'PL1', 'PL1', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'property_loss', 'inc', NULL),
        (11, 'kind_of_loss_7', 'inc', NULL),
        (26, 'value_of_loss_7', 'inc', NULL),
        (33, 'kind_of_loss_5', 'inc', NULL),
        (48, 'value_of_loss_5', 'inc', NULL),
        (55, 'kind_of_loss_4', 'inc', NULL),
        (70, 'value_of_loss_4', 'inc', NULL)
);
