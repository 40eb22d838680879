-- The count: units joined to their categories.

CREATE TABLE unit_key AS
SELECT units, col, times, level, key
FROM (
    SELECT units, col, times, incident AS inc, incident AS ori, offense AS off, victim AS vic, arrestee AS arr FROM unit
)
UNPIVOT (key FOR level IN (inc, ori, off, vic, arr));

INSERT INTO cell
SELECT
    table_name,
    start - 1 + if(categories IS NULL, category, list_position(categories, category)),
    col,
    sum(times)
FROM block
JOIN attribute USING (variable, level)
JOIN unit_key USING (units, level, key)
WHERE categories IS NULL OR list_contains(categories, category)
GROUP BY ALL;

INSERT INTO cell
SELECT table_name, start, col, sum(times)
FROM block JOIN unit USING (units)
WHERE variable = 'total'
GROUP BY ALL;

-- Several kinds of units may share a row (tables 2a and GV1a).
SELECT table_name, "row", col AS "column", sum(n)::BIGINT AS n
FROM cell
GROUP BY ALL
HAVING sum(n) > 0
ORDER BY ALL;
