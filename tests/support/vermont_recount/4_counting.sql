-- How rows are counted. Each of the following files fills two tables, and some rows that are made otherwise go straight
-- into cell.
--
-- unit: the units of a column (handbook 10), one record each, with the keys of what it belongs to; "times" is 1 but for
-- stolen vehicles. The name in "units" says what is counted.
CREATE TABLE unit (
    units VARCHAR, col INT, incident BIGINT, offense BIGINT, victim BIGINT, arrestee BIGINT, times INT DEFAULT 1
);

-- block: the blocks of rows of handbook 10. Category k of the variable, or the k-th listed category, is row start + k - 1.
-- Variable 'total' counts the units themselves.
CREATE TABLE block (
    table_name VARCHAR, units VARCHAR, start INT, variable VARCHAR, level VARCHAR, categories INT []
);

CREATE TABLE cell (table_name VARCHAR, "row" INT, col INT, n BIGINT);
