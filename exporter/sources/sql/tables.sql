-- What the monitored tables are: type, age and columns.
SELECT
  CONCAT(tables.table_schema, '.', tables.table_name) AS table_name,
  ANY_VALUE(tables.table_type) AS table_type,
  ANY_VALUE(UNIX_MICROS(tables.creation_time)) AS created_us,
  ARRAY_AGG(columns.column_name IGNORE NULLS) AS column_names
FROM `${project}`.`region-${region}`.INFORMATION_SCHEMA.TABLES AS tables
LEFT JOIN `${project}`.`region-${region}`.INFORMATION_SCHEMA.COLUMNS AS columns
  ON columns.table_schema = tables.table_schema AND columns.table_name = tables.table_name
WHERE CONCAT(tables.table_schema, '.', tables.table_name) IN UNNEST(@tables)
GROUP BY table_name
