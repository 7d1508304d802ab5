-- Query jobs that ended in [@start, @end) and read a monitored table, per hour, table and number of tables that they share their cost with.
-- Rendered: ${project}, ${region} and ${buckets}, one count per bucket of @bounds_us.
-- @names and @tables are parallel: every name under which a monitored table is known (its own, its view's) and the table it stands for.
-- A job may run for hours after its creation, which is what the view is partitioned by: hence @created_since.
WITH
  monitored AS (
    SELECT name, @tables[OFFSET(place)] AS table_name
    FROM UNNEST(@names) AS name WITH OFFSET AS place
  ),
  finished AS (
    SELECT
      job_id,
      DIV(UNIX_SECONDS(end_time), 3600) * 3600 AS hour_s,
      error_result.reason IS NOT NULL AS failed,
      TIMESTAMP_DIFF(end_time, COALESCE(start_time, creation_time), MICROSECOND) AS duration_us,
      RANGE_BUCKET(TIMESTAMP_DIFF(end_time, COALESCE(start_time, creation_time), MICROSECOND), @bounds_us) AS bucket,
      COALESCE(total_bytes_processed, 0) AS bytes_processed,
      COALESCE(total_bytes_billed, 0) AS bytes_billed,
      COALESCE(total_slot_ms, 0) AS slot_ms,
      referenced_tables
    FROM `${project}`.`region-${region}`.INFORMATION_SCHEMA.JOBS
    WHERE
      creation_time >= @created_since
      AND creation_time < @end
      AND end_time >= @start
      AND end_time < @end
      AND job_type = 'QUERY'
      AND state = 'DONE'
      AND COALESCE(statement_type, '') != 'SCRIPT'
      AND NOT EXISTS (
        SELECT 1 FROM UNNEST(labels) AS label WHERE label.key = 'app' AND label.value = 'exporter'
      )
  ),
  referenced AS (
    SELECT DISTINCT
      finished.job_id,
      COALESCE(
        monitored.table_name,
        CONCAT(reference.project_id, '.', reference.dataset_id, '.', reference.table_id)
      ) AS table_name,
      monitored.table_name IS NOT NULL AS is_monitored
    FROM finished
    CROSS JOIN UNNEST(finished.referenced_tables) AS reference
    LEFT JOIN monitored
      ON monitored.name = CONCAT(reference.project_id, '.', reference.dataset_id, '.', reference.table_id)
  ),
  shared AS (
    SELECT
      job_id,
      table_name,
      is_monitored,
      COUNT(*) OVER (PARTITION BY job_id) AS table_count
    FROM referenced
  )
SELECT
  shared.table_name,
  finished.hour_s,
  shared.table_count,
  COUNTIF(NOT finished.failed) AS succeeded,
  COUNTIF(finished.failed) AS failed,
  SUM(finished.bytes_processed) AS bytes_processed,
  SUM(finished.bytes_billed) AS bytes_billed,
  SUM(finished.slot_ms) AS slot_ms,
  SUM(finished.duration_us) AS duration_sum_us,
  [${buckets}] AS bucket_counts
FROM shared
JOIN finished ON finished.job_id = shared.job_id
WHERE shared.is_monitored
GROUP BY shared.table_name, finished.hour_s, shared.table_count
