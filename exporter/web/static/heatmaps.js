// @ts-check
/** Distributions over time: how many values fell into each bucket, the more the stronger the colour. */

import { valueAxis } from "./axes.js";
import { shade } from "./palette.js";
import { period, zone } from "./times.js";
import { periodOf } from "./traces.js";
import { format } from "./units.js";

/** Traces and the value axis of distributions; series are added up where they have the same buckets. */
export function heatmap(drawn, height) {
  const { bounds, unit } = drawn[0].series;
  const cells = added(drawn.filter((one) => same(one.series.bounds, bounds)));
  const filled = cells.flatMap((cell) => cell.counts.map((count, bucket) => (count > 0 ? bucket : -1)))
    .filter((bucket) => bucket >= 0);
  const first = Math.max(0, Math.min(...filled, bounds.length) - 1);
  const last = Math.min(bounds.length, Math.max(...filled, 0) + 1);
  const edges = edgesOf(bounds, first, last);
  const log = edges[0] > 0 && edges.at(-1) / edges[0] > 30;
  const { trace, columns } = gridded(cells, edges, first, last, drawn[0]);
  const axis = valueAxis({ low: edges[0], high: edges.at(-1), unit, scale: log ? "log10" : "linear", height });
  return { traces: [trace], axis, describe: (point) => described(point, columns, edges, unit) };
}

function added(drawn) {
  const cells = new Map();
  for (const one of drawn) {
    one.series.ends_s.forEach((end, at) => {
      const start = end - periodOf(one.series, at, one.answer.step_s);
      const cell = cells.get(end) ?? { start, end, counts: one.series.values[at].map(() => 0) };
      one.series.values[at].forEach((count, bucket) => { cell.counts[bucket] += count; });
      cells.set(end, cell);
    });
  }
  return [...cells.values()].sort((a, b) => a.end - b.end);
}

/** Edges of the buckets from `first` to `last`; what lies beyond the bounds gets a bucket as wide as its neighbour. */
function edgesOf(bounds, first, last) {
  const at = (edge) => {
    if (edge < 0) return bounds[0] > 0 ? bounds[0] / ratio(bounds, 0) : bounds[0] - (bounds[1] - bounds[0] || 1);
    if (edge >= bounds.length) return bounds.at(-1) > 0 ? bounds.at(-1) * ratio(bounds, bounds.length - 2)
      : bounds.at(-1) + 1;
    return bounds[edge];
  };
  const edges = [];
  for (let bucket = first; bucket <= last + 1; bucket += 1) edges.push(at(bucket - 1));
  if (edges[0] === 0 && edges[1] > 0) edges[0] = edges[1] / ratio(bounds, 1);
  return edges;
}

const ratio = (bounds, at) => (bounds[at] > 0 && bounds[at + 1] > bounds[at] ? bounds[at + 1] / bounds[at] : 2);

/** One trace; periods without a distribution stay empty, and a bucket with nothing in it is no colour. */
function gridded(cells, edges, first, last, { key, query }) {
  const x = [];
  const columns = [];
  for (const cell of cells) {
    if (x.length === 0) x.push(cell.start * 1000);
    else if (cell.start * 1000 > x.at(-1) + 1000) {
      columns.push(null);
      x.push(cell.start * 1000);
    }
    columns.push({ ...cell, counts: cell.counts.slice(first, last + 1) });
    x.push(cell.end * 1000);
  }
  const z = edges.slice(1).map((_, bucket) => columns.map((column) => column?.counts[bucket] || null));
  const trace = {
    type: "heatmap", x, y: edges, z, hoverinfo: "none", showscale: false, connectgaps: false, xgap: 0, ygap: 0, zmin: 0,
    colorscale: [[0, shade("--heat-low")], [0.5, shade("--heat-middle")], [1, shade("--heat-high")]],
      meta: { key, query, first },
  };
  return { trace, columns };
}

/** What a cell says: when, which bucket, how many. */
function described(point, columns, edges, unit) {
  const [bucket, at] = point.pointIndex ?? point.pointNumber;
  const column = columns[at];
  if (!column || !column.counts[bucket]) return null;
  return {
    when: `${period(column.start * 1000, column.end * 1000)} (${zone(column.end * 1000)})`,
    range: `${format(edges[bucket], unit)} to ${format(edges[bucket + 1], unit)}`, count: column.counts[bucket],
  };
}

function same(a, b) {
  return a.length === b.length && a.every((bound, at) => bound === b[at]);
}
