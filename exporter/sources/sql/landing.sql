-- What became queryable: one row per system and window that has rows.
-- Rendered: ${rows}, the systems' rows (landing_rows.sql) joined by UNION ALL, and ${buckets}, one count per bucket of @bounds_us.
-- A row is first-time when no row of its message was committed in [commit - lookback, commit); of rows that are equal in
-- message and commit time one is.
WITH
  landed AS (
    ${rows}
  ),
  ordered AS (
    SELECT
      *,
      LAG(commit_us) OVER (PARTITION BY system_index, message_id ORDER BY commit_us) AS previous_commit_us
    FROM landed
  ),
  measured AS (
    SELECT
      system_index,
      window_start_us,
      publish_us,
      commit_us,
      threshold_us,
      message_id IS NULL
        OR previous_commit_us IS NULL
        OR previous_commit_us < commit_us - lookback_us AS first_time,
      GREATEST(commit_us - publish_us, 0) AS latency_us,
      RANGE_BUCKET(GREATEST(commit_us - publish_us, 0), @bounds_us) AS bucket
    FROM ordered
    WHERE window_start_us >= first_window_us
  )
SELECT
  system_index,
  window_start_us,
  COUNT(*) AS landed_rows,
  COUNTIF(first_time) AS delivered,
  COUNT(latency_us) AS measured_rows,
  COUNTIF(publish_us > commit_us) AS negative_rows,
  SUM(latency_us) AS latency_sum_us,
  COUNTIF(latency_us <= threshold_us) AS within_threshold,
  MAX(publish_us) AS newest_publish_us,
  APPROX_QUANTILES(latency_us, 1000)[SAFE_OFFSET(500)] AS p50_us,
  APPROX_QUANTILES(latency_us, 1000)[SAFE_OFFSET(950)] AS p95_us,
  APPROX_QUANTILES(latency_us, 1000)[SAFE_OFFSET(990)] AS p99_us,
  [${buckets}] AS bucket_counts
FROM measured
GROUP BY system_index, window_start_us
