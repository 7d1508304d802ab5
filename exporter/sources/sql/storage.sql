-- Logical bytes stored in the monitored tables now.
SELECT
  CONCAT(table_schema, '.', table_name) AS table_name,
  active_logical_bytes,
  long_term_logical_bytes
FROM `${project}`.`region-${region}`.INFORMATION_SCHEMA.TABLE_STORAGE
WHERE
  CONCAT(table_schema, '.', table_name) IN UNNEST(@tables)
  AND NOT deleted
