-- One page of a view's rows, newest first; rows of one message are in an order that is the same for every page.
-- Rendered: ${view}; the names of its columns ${publish_time} and ${message_id}.
-- A page begins at (@from_time, @from_id), of whose rows the first @skipped were given out already; without @from_id below @from_time.
SELECT row_of_this_page.*
FROM ${view} AS row_of_this_page
WHERE
  row_of_this_page.${publish_time} >= @start
  AND row_of_this_page.${publish_time} <= @from_time
  AND (row_of_this_page.${publish_time} < @from_time OR IFNULL(row_of_this_page.${message_id}, '') <= @from_id)
ORDER BY row_of_this_page.${publish_time} DESC, IFNULL(row_of_this_page.${message_id}, '') DESC, TO_JSON_STRING(row_of_this_page)
LIMIT @row_limit OFFSET @skipped
