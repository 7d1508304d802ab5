// @ts-check
/** The values behind a chart as one table: a row per time, a column per series. */

import { lengthName } from "./ranges.js";
import { period } from "./times.js";

const utc = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

/** Series of answers with the query they belong to: `[{query, answer, series, index}]`. */
export function seriesOf(entries, answers) {
  return entries.flatMap((entry) => {
    const answer = answers[entry.query];
    return (answer?.series ?? []).map((series, index) => ({ ...entry, answer, series, index }));
  });
}

/** Columns and rows of series; where a series has periods, their starts are given, too. */
export function frame(drawn) {
  if (drawn.some((one) => isDistribution(one.series))) return distributionFrame(drawn);
  const names = distinct(drawn);
  const periods = drawn.some((one) => one.series.starts_s);
  const rows = new Map();
  drawn.forEach((one, column) => {
    one.series.ends_s.forEach((end, at) => {
      const start = one.series.starts_s?.[at] ?? null;
      const key = `${end}`;
      if (!rows.has(key)) rows.set(key, { end, start: null, cells: new Array(drawn.length).fill(null) });
      const row = rows.get(key);
      row.start = row.start ?? start;
      row.cells[column] = one.series.values[at];
    });
  });
  const sorted = [...rows.values()].sort((a, b) => a.end - b.end);
  return {
    columns: [...(periods ? ["start", "end"] : ["time"]), ...names],
    units: [...(periods ? [null, null] : [null]), ...drawn.map((one) => one.series.unit)],
    rows: sorted.map((row) => [...(periods ? [row.start === null ? null : utc(row.start)] : []), utc(row.end),
      ...row.cells]),
  };
}

/** Whether the values of a series are counts of buckets. */
export function isDistribution(series) {
  return series.value_type === "distribution";
}

/** What is wrong with answers, in words. */
export function problemsOf(entries, answers) {
  return entries.flatMap((entry) => {
    const answer = answers[entry.query];
    if (!answer) return ["The server gave no answer for a part of this."];
    return [answer.problem, answer.truncated ? "There are more series than can be shown; some are left out." : null];
  }).filter(Boolean);
}

/** What has to be known to read values: how long a point is where it is longer than was asked, and a range of its own. */
export function notesOf(entries, answers, own) {
  const stretched = entries.map((entry) => answers[entry.query]).filter((answer) => answer?.stretched && answer.step_s)
    .map((answer) => `each point: ${lengthName(answer.step_s)}`);
  const range = own?.last_s ? `last ${lengthName(own.last_s)}`
    : own?.start && own?.end ? period(Date.parse(own.start), Date.parse(own.end)) : null;
  return [...new Set([...stretched, range])].filter(Boolean);
}

function distributionFrame(drawn) {
  const rows = drawn.flatMap((one) => one.series.ends_s.flatMap((end, at) => (isDistribution(one.series)
    ? one.series.values[at].map((count, bucket) => [utc(end), one.series.name, one.series.bounds[bucket - 1] ?? null,
      one.series.bounds[bucket] ?? null, count])
    : [[utc(end), one.series.name, null, null, one.series.values[at]]])));
  const unit = drawn[0]?.series.unit;
  return { columns: ["time", "series", "from", "to", "count"], units: [null, null, unit, unit, "1"], rows };
}

/** Names of columns with their units; the same name twice gets the labels that tell the two apart. */
function distinct(drawn) {
  const seen = new Map();
  for (const one of drawn) seen.set(one.series.name, (seen.get(one.series.name) ?? 0) + 1);
  return drawn.map(({ series }, index) => {
    const unit = series.unit && series.unit !== "1" ? ` [${series.unit}]` : "";
    const twice = seen.get(series.name) > 1 ? ` #${index + 1}` : "";
    return `${series.name || "value"}${twice}${unit}`;
  });
}
