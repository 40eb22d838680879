-- Tables 1a, 1b, 1c: incidents with an offense of the column. Rows 2: rates.

INSERT INTO unit (units, col, incident)
SELECT DISTINCT table_name, col, incident
FROM offense_column
JOIN (VALUES ('1a', 'C1A'), ('1b', 'C1B'), ('1c', 'C1C')) AS tables (table_name, family) USING (family);

INSERT INTO block
SELECT '1a', '1a', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'weapon_no_yes', 'inc', NULL),
        (5, 'weapon6', 'inc', NULL),
        (11, 'injury_no_yes', 'inc', NULL),
        (13, 'victim_count', 'inc', NULL),
        (15, 'offender_count', 'inc', NULL),
        (18, 'offense_count', 'inc', NULL),
        (21, 'vor6', 'inc', NULL),
        (27, 'loc10', 'inc', NULL),
        (37, 'tod_incident', 'inc', NULL),
        (44, 'tod_report', 'inc', NULL),
        (51, 'population_group', 'ori', NULL),
        (57, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
        (64, 'clearance3', 'inc', NULL),
        (67, 'exceptional5', 'inc', NULL),
        (72, 'property_loss', 'inc', NULL),
        (80, 'msa', 'ori', NULL),
        (84, 'loc11', 'inc', NULL),
        (95, 'vor5', 'inc', NULL),
        (100, 'residence', 'inc', NULL)
);

INSERT INTO block
SELECT '1b', '1b', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'weapon_no_yes', 'inc', NULL),
        (5, 'weapon6', 'inc', NULL),
        (11, 'victim_count', 'inc', NULL),
        (13, 'offender_count', 'inc', NULL),
        (16, 'offense_count', 'inc', NULL),
        (19, 'loc10', 'inc', NULL),
        (29, 'tod_incident', 'inc', NULL),
        (36, 'tod_report', 'inc', NULL),
        (43, 'population_group', 'ori', NULL),
        (49, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
        (56, 'clearance3', 'inc', NULL),
        (59, 'exceptional5', 'inc', NULL),
        (64, 'property_loss', 'inc', NULL),
        (72, 'msa', 'ori', NULL),
        (76, 'loc11', 'inc', NULL),
        (87, 'residence', 'inc', NULL)
);

INSERT INTO block
SELECT '1c', '1c', *
FROM (
    VALUES
        (1, 'total', NULL, NULL),
        (3, 'offender_count', 'inc', NULL),
        (6, 'offense_count', 'inc', NULL),
        (9, 'loc10', 'inc', NULL),
        (19, 'tod_incident', 'inc', NULL),
        (26, 'tod_report', 'inc', NULL),
        (33, 'population_group', 'ori', NULL),
        (39, 'agency_type', 'ori', [1, 2, 3, 4, 5, 6]),
        (46, 'clearance3', 'inc', NULL),
        (49, 'exceptional5', 'inc', NULL),
        (54, 'property_loss', 'inc', NULL),
        (62, 'msa', 'ori', NULL),
        (66, 'loc11', 'inc', NULL),
        (77, 'residence', 'inc', NULL)
);
