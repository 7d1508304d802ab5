-- Who wrote to a table in [@start, @end): rows by the subscription that they name, NULL for loads, copies, INSERTs and streaming.
-- Rendered: ${relation}, APPENDS of the table, and ${subscription_name}, the column.
SELECT
  ${subscription_name} AS writer,
  COUNT(*) AS written_rows
FROM ${relation}
GROUP BY writer
