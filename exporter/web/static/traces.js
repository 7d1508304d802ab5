// @ts-check
/** From series to the lines, areas and bars that Plotly draws: values as they are, gaps as gaps. */

import { shade } from "./palette.js";

const GAP = 1.75;

/** How far two points may be apart and still belong together, in milliseconds. */
export function patience(series, step_s) {
  if (step_s) return GAP * step_s * 1000;
  const apart = [];
  for (let at = 1; at < series.ends_s.length; at += 1) apart.push(series.ends_s[at] - series.ends_s[at - 1]);
  apart.sort((a, b) => a - b);
  return apart.length ? 2.5 * apart[Math.floor(apart.length / 2)] * 1000 : Infinity;
}

/** Times and values of a series, with a null where points are too far apart. */
export function points(series, step_s) {
  const most = patience(series, step_s);
  const x = [];
  const y = [];
  series.ends_s.forEach((end, at) => {
    const ms = end * 1000;
    if (x.length && ms - x[x.length - 1] > most) {
      x.push(x[x.length - 1] + (ms - x[x.length - 1]) / 2);
      y.push(null);
    }
    x.push(ms);
    y.push(plainValue(series, at));
  });
  return { x, y };
}

/** A value that can be drawn: of a distribution its mean, of a yes or no 1 or 0, of text none. */
export function plainValue(series, at) {
  if (series.value_type === "distribution") return series.means?.[at] ?? null;
  const value = series.values[at];
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

/** Lines; a point without neighbours is a dot, for a line of one point cannot be seen. */
export function lineTrace(one, colour) {
  const { x, y } = points(one.series, one.answer.step_s);
  return { ...scatter(one, x, y, colour), line: { color: shade(colour), width: 1.6, dash: one.dash } };
}

/** Parts of a stack. Where no series has a value the stack is interrupted; `parts` says which times hang together. */
export function areaTraces(one, colour, parts) {
  const { x, y } = points(one.series, one.answer.step_s);
  const traces = parts.map(([from, to], number) => {
    const inside = x.map((at, index) => index).filter((index) => x[index] >= from && x[index] <= to
      && y[index] !== null);
    if (inside.length === 0) return null;
    const trace = scatter(one, inside.map((index) => x[index]), inside.map((index) => y[index]), colour);
    return {
      ...trace, stackgroup: `${one.axis ?? "y1"}-${number}`, line: { color: shade(colour), width: 1, dash: one.dash },
        fillcolor: shade(colour, 0.35),
      legendgroup: one.key,
    };
  });
  return traces.filter(Boolean);
}

/** Which times of several series hang together: `[[from, to]]` in milliseconds. */
export function stretches(drawn) {
  const times = [...new Set(drawn.flatMap((one) => one.series.ends_s))].sort((a, b) => a - b)
    .map((second) => second * 1000);
  const most = Math.max(0, ...drawn.map((one) => patience(one.series, one.answer.step_s)));
  const parts = [];
  for (const at of times) {
    const last = parts[parts.length - 1];
    if (last && at - last[1] <= most) last[1] = at;
    else parts.push([at, at]);
  }
  return parts;
}

/** Bars that end where their period ends, and are as wide as it. */
export function barTrace(one, colour) {
  const { series, answer } = one;
  const x = series.ends_s.map((second) => second * 1000);
  const widths = series.ends_s.map((end, at) => 1000 * periodOf(series, at, answer.step_s));
  return {
    type: "bar", x, y: series.ends_s.map((_, at) => plainValue(series, at)), name: "", hoverinfo: "none",
      yaxis: axisOf(one),
    offset: widths.map((width) => -0.96 * width), width: widths.map((width) => 0.92 * width),
    marker: { color: shade(colour, 0.85), line: { width: 0 } }, meta: meta(one),
  };
}

/** Length of the period that a point stands for, in seconds. */
export function periodOf(series, at, step_s) {
  const start = series.starts_s?.[at];
  if (start !== null && start !== undefined && series.ends_s[at] > start) return series.ends_s[at] - start;
  return step_s || Math.max(60, (series.ends_s[at + 1] ?? series.ends_s[at]) - (series.ends_s[at] ?? 0) || 60);
}

function scatter(one, x, y, colour) {
  const alone = y.map((value, at) => (value !== null && (y[at - 1] ?? null) === null && (y[at + 1] ?? null) === null ? 6
    : 0));
  const dots = alone.some(Boolean);
  return {
    type: "scatter", mode: dots ? "lines+markers" : "lines", cliponaxis: !dots, x, y, name: "", connectgaps: false,
      hoverinfo: "none", yaxis: axisOf(one),
    ...(dots ? { marker: { size: alone, color: shade(colour), line: { width: 0 }, opacity: 1 } } : {}), meta: meta(one),
  };
}

const axisOf = (one) => (one.axis === "y2" ? "y2" : "y");
const meta = (one) => ({ key: one.key, query: one.query, series: one.index });
