-- Rows of one system that were committed in its windows, or in the duplicate lookback before them.
-- Rendered: ${n}, the system's place in the batch; ${relation}, APPENDS of its table or the table itself; the names of its columns.
SELECT
  ${n} AS system_index,
  UNIX_MICROS(${commit_time}) AS commit_us,
  ${publish_us} AS publish_us,
  ${message_id} AS message_id,
  DIV(UNIX_MICROS(${commit_time}), @window_us_${n}) * @window_us_${n} AS window_start_us,
  UNIX_MICROS(@start_${n}) AS first_window_us,
  @lookback_us_${n} AS lookback_us,
  @threshold_us_${n} AS threshold_us
FROM ${relation}
WHERE
  ${commit_time} >= @from_${n}
  AND ${commit_time} < @end_${n}
  ${of_subscription}
