-- The columns of the tables: offense lists (handbook 10).

CREATE TABLE offense_list AS
SELECT name, unnest(string_split(codes, ' ')) AS code
FROM (
    VALUES
        ('against_person', '09A 09B 100 11A 11B 11C 11D 13A 13B 13C 36A 36B 64A 64B'),
        ('aggravated_assault', '13A'),
        ('simple_assault', '13B'),
        ('intimidation', '13C'),
        ('murder', '09A'),
        ('neg_manslaughter', '09B'),
        ('kidnapping', '100'),
        ('ht_sex', '64A'),
        ('ht_labor', '64B'),
        ('rape', '11A'),
        ('sodomy', '11B'),
        ('sexual_assault_object', '11C'),
        ('fondling', '11D'),
        ('sex_nonforcible', '36A 36B'),
        ('robbery', '120'),
        ('revised_rape', '11A 11B 11C'),
        ('violent_crime', '09A 11A 11B 11C 120 13A'),
        ('violent_crime_2', '09A 11A 11B 11C 11D 120 13A 13B'),
        ('assault_offenses', '13A 13B 13C'),
        (
            'against_property',
            '120 200 210 220 23A 23B 23C 23D 23E 23F 23G 23H 240 250 26A 26B 26C 26D 26E 26F 26G 270 280 290 510'
        ),
        ('arson', '200'),
        ('bribery', '510'),
        ('burglary', '220'),
        ('counterfeiting', '250'),
        ('vandalism', '290'),
        ('embezzlement', '270'),
        ('extortion', '210'),
        ('fraud', '26A 26B 26C 26D 26E 26F 26G'),
        ('larceny', '23A 23B 23C 23D 23E 23F 23G 23H'),
        ('vehicle_theft', '240'),
        ('stolen_property', '280'),
        ('property_crime', '220 23A 23B 23C 23D 23E 23F 23G 23H 240'),
        ('corruption', '510 270'),
        ('other_corruption', '270'),
        ('hacking', '26G'),
        ('animal_cruelty', '720'),
        ('drug_narcotic', '35A'),
        ('drug_equipment', '35B'),
        ('gambling', '39A 39B 39C 39D'),
        ('pornography', '370'),
        ('prostitution', '40A 40B 40C'),
        ('weapon_law', '520'),
        ('import', '58A'),
        ('export', '58B'),
        ('federal_liquor', '61A'),
        ('federal_tobacco', '61B'),
        ('wildlife', '620'),
        ('espionage', '103'),
        ('money_laundering', '26H'),
        ('treason', '101'),
        ('harboring', '49A'),
        ('flight_prosecution', '49B'),
        ('flight_deportation', '49C'),
        ('illegal_entry', '30A'),
        ('false_citizenship', '30B'),
        ('smuggling_aliens', '30C'),
        ('reentry', '30D'),
        ('failure_register', '360'),
        ('nfa_violation', '521'),
        ('wmd', '522'),
        ('explosives', '526'),
        ('family_offenses', '90F'),
        ('trespass', '90J'),
        ('curfew', '90B'),
        ('liquor_law', '90G'),
        ('disorderly_conduct', '90C'),
        ('failure_to_appear', '90K'),
        ('federal_resource', '90L'),
        ('perjury', '90M'),
        ('dui', '90D'),
        ('partb_other', '90A 90E 90H 90I 90Z'),
        ('total_gun_violence', '09A 09B 11A 11B 11C 120 13A 100 64A 64B'),
        ('fatal_gun_violence', '09A'),
        ('nonfatal_gun_violence', '11A 11B 11C 120 13A 100 64A 64B'),
        ('nonfatal_gun_violence_2', '11A 11B 11C 120 13A'),
        ('human_trafficking', '64A 64B')
) AS lists (name, codes)
UNION ALL
-- All crimes against society with an incident: Group A.
SELECT 'society', offense_code
FROM raw.nibrs_offense_type
WHERE crime_against = 'Society' AND offense_group = 'A'
UNION ALL
-- Total arrests: any offense but justifiable homicide (handbook 10 "Total arrest").
SELECT 'total_arrest', offense_code
FROM raw.nibrs_offense_type
WHERE offense_code != '09C';

CREATE TABLE named_column AS
SELECT family, unnest(names) AS name, generate_subscripts(names, 1) AS col
FROM (
    SELECT family, regexp_extract_all(names, '\w+') AS names
    FROM (
        VALUES
            ('C1A', 'against_person aggravated_assault simple_assault intimidation murder neg_manslaughter kidnapping
                ht_sex ht_labor rape sodomy sexual_assault_object fondling sex_nonforcible robbery revised_rape
                violent_crime car_jacking assault_offenses violent_crime_2'),
            ('C1B', 'against_property arson bribery burglary counterfeiting vandalism embezzlement extortion fraud
                larceny vehicle_theft robbery stolen_property property_crime car_jacking'),
            ('C1C', 'society animal_cruelty drug_narcotic gambling pornography prostitution weapon_law import export
                federal_liquor federal_tobacco wildlife espionage money_laundering harboring flight_prosecution
                flight_deportation illegal_entry false_citizenship smuggling_aliens reentry failure_register treason
                nfa_violation wmd explosives drug_equipment'),
            ('C2A', 'against_person aggravated_assault simple_assault intimidation murder neg_manslaughter kidnapping
                ht_sex ht_labor rape sodomy sexual_assault_object fondling sex_nonforcible robbery revised_rape
                violent_crime car_jacking assault_offenses violent_crime_2'),
            ('C2B', 'against_property arson bribery burglary counterfeiting vandalism embezzlement extortion fraud
                larceny vehicle_theft robbery stolen_property property_crime car_jacking corruption other_corruption hacking'),
            ('C3A', 'against_person aggravated_assault simple_assault intimidation murder neg_manslaughter kidnapping
                ht_sex ht_labor rape sodomy sexual_assault_object fondling sex_nonforcible revised_rape violent_crime
                robbery against_property arson bribery burglary counterfeiting vandalism embezzlement extortion fraud
                larceny vehicle_theft stolen_property property_crime car_jacking assault_offenses violent_crime_2'),
            ('C4A', 'against_person aggravated_assault simple_assault intimidation murder neg_manslaughter kidnapping
                ht_sex ht_labor rape sodomy sexual_assault_object fondling sex_nonforcible against_property arson
                bribery burglary counterfeiting vandalism embezzlement extortion fraud larceny vehicle_theft robbery
                stolen_property society revised_rape violent_crime property_crime car_jacking total_arrest
                assault_offenses violent_crime_2 animal_cruelty drug_narcotic gambling pornography prostitution
                weapon_law import export federal_liquor federal_tobacco wildlife espionage money_laundering harboring
                flight_prosecution flight_deportation illegal_entry false_citizenship smuggling_aliens reentry
                failure_register treason nfa_violation wmd explosives drug_equipment'),
            ('C5A', 'against_person aggravated_assault simple_assault intimidation murder neg_manslaughter kidnapping
                ht_sex ht_labor rape sodomy sexual_assault_object fondling sex_nonforcible against_property arson
                bribery burglary counterfeiting vandalism embezzlement extortion fraud larceny vehicle_theft robbery
                stolen_property society revised_rape violent_crime property_crime import export federal_liquor
                federal_tobacco wildlife espionage money_laundering harboring flight_prosecution flight_deportation
                illegal_entry false_citizenship smuggling_aliens reentry failure_register treason nfa_violation wmd
                explosives family_offenses trespass curfew liquor_law disorderly_conduct failure_to_appear
                federal_resource perjury dui partb_other car_jacking total_arrest assault_offenses violent_crime_2
                animal_cruelty drug_narcotic gambling pornography prostitution weapon_law drug_equipment'),
            ('CGV', 'against_person total_gun_violence fatal_gun_violence nonfatal_gun_violence
                nonfatal_gun_violence_2 murder neg_manslaughter revised_rape robbery aggravated_assault kidnapping
                human_trafficking car_jacking'),
            ('CYT', 'murder')
    ) AS families (family, names)
) AS split;

-- Carjacking incidents (handbook 10 "Carjacking"): a completed robbery with an Individual victim, and a motor
-- vehicle (03, 05, 24, 28, 37) that was stolen (7) or recovered (5).
CREATE TABLE carjacking AS
SELECT incident
FROM victim_offense JOIN offense USING (offense, incident, code)
WHERE code = '120' AND completed AND type = 'I'
INTERSECT
SELECT incident
FROM property_item
WHERE loss IN (5, 7) AND description IN ('03', '05', '24', '28', '37');

-- Offense in column: by its code, or a robbery of a carjacking incident.
CREATE TABLE offense_column AS
SELECT family, col, name, offense, incident, code
FROM named_column JOIN offense_list USING (name) JOIN offense USING (code)
UNION ALL
SELECT family, col, name, offense, incident, code
FROM named_column, offense
WHERE name = 'car_jacking' AND code = '120' AND incident IN (FROM carjacking);

-- Arrestee in column by the arrest code (tables 5a and 5b).
CREATE TABLE arrest_code_column AS
SELECT family, col, arrestee, incident
FROM named_column JOIN offense_list USING (name) JOIN arrestee ON arrest_code = code
UNION ALL
SELECT family, col, arrestee, incident
FROM named_column, arrestee
WHERE name = 'car_jacking' AND arrest_code = '120' AND incident IN (FROM carjacking);
