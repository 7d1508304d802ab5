-- What the Storage Write API did to the monitored tables, per @step_s seconds, and up to which minute the region's timeline reaches.
-- Always one row at least; its table columns are NULL where no monitored table was written to.
WITH
  timeline AS (
    SELECT
      CONCAT(dataset_id, '.', table_id) AS table_name,
      UNIX_SECONDS(start_timestamp) AS minute_s,
      error_code,
      total_requests,
      total_rows,
      total_input_bytes
    FROM `${project}`.`region-${region}`.INFORMATION_SCHEMA.WRITE_API_TIMELINE
    WHERE start_timestamp >= @start AND start_timestamp < @end
  ),
  reach AS (
    SELECT MAX(minute_s) AS newest_minute_s FROM timeline
  ),
  written AS (
    SELECT
      table_name,
      DIV(minute_s, @step_s) * @step_s AS step_start_s,
      error_code,
      SUM(total_requests) AS requests,
      SUM(total_rows) AS written_rows,
      SUM(total_input_bytes) AS input_bytes
    FROM timeline
    WHERE table_name IN UNNEST(@tables)
    GROUP BY table_name, step_start_s, error_code
  )
SELECT
  reach.newest_minute_s,
  written.table_name,
  written.step_start_s,
  written.error_code,
  written.requests,
  written.written_rows,
  written.input_bytes
FROM reach
LEFT JOIN written ON TRUE
