// @ts-check
/** Small pictures without axes: spark lines, spark bars and gauges, as SVG. */

import { svg } from "./elements.js";
import { thresholdColour } from "./palette.js";
import { points } from "./traces.js";

const WIDTH = 200;
const HEIGHT = 40;

/** A line or bars of a series over the range; gaps stay gaps. */
export function spark(series, step_s, span, kind = "line") {
  const { x, y } = points(series, step_s);
  const known = y.filter((value) => value !== null);
  if (known.length === 0) return null;
  const from = Math.min(span[0], x[0]);
  const low = Math.min(0, ...known);
  const high = Math.max(...known, low + 1e-12);
  const across = (ms) => ((ms - from) / Math.max(1, span[1] - from)) * WIDTH;
  const up = (value) => HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4);
  const marks = kind === "bar" ? bars(x, y, across, up, low, step_s) : lines(x, y, across, up);
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    "aria-hidden": "true" }, marks);
}

/** A half circle that shows where a value lies between two ends, with thresholds as marks on its edge. */
export function gauge(value, { lower = 0, upper = 1 }, thresholds, colour) {
  const share = Math.min(1, Math.max(0, (value - lower) / (upper - lower || 1)));
  const marks = (thresholds ?? []).map((one) => [(one.value - lower) / (upper - lower || 1), thresholdColour(one)])
    .filter(([at]) => at >= 0 && at <= 1)
    .map(([at, shade]) => svg("path", { d: ray(at), class: "gauge-mark", css: { stroke: `var(${shade})` } }));
  return svg("svg", { class: "gauge", viewBox: "0 0 120 66", "aria-hidden": "true" },
    svg("path", { d: arc(1), class: "gauge-track" }),
    share > 0 ? svg("path", { d: arc(share), class: "gauge-value", css: { stroke: `var(${colour})` } }) : null, marks);
}

function lines(x, y, across, up) {
  let path = "";
  let pen = false;
  const dots = [];
  y.forEach((value, at) => {
    if (value === null) pen = false;
    else {
      path += `${pen ? "L" : "M"}${across(x[at]).toFixed(1)} ${up(value).toFixed(1)}`;
      if ((y[at - 1] ?? null) === null && (y[at + 1]
        ?? null) === null) dots.push(`M${across(x[at]).toFixed(1)} ${up(value).toFixed(1)}h0`);
      pen = true;
    }
  });
  return [svg("path", { d: path, class: "spark-line" }), ...dots.map((d) => svg("path", { d, class: "spark-dot" }))];
}

function bars(x, y, across, up, low, step_s) {
  const wide = step_s ? Math.max(1, across(x[0] + step_s * 1000) - across(x[0]) - 0.5) : 3;
  return y.map((value, at) => (value === null ? null : svg("rect", {
    x: (across(x[at]) - wide).toFixed(1), width: wide.toFixed(1), y: up(value).toFixed(1),
      height: Math.max(0.5, up(low) - up(value)).toFixed(1),
    class: "spark-bar",
  }))).filter(Boolean);
}

const on = (share, radius) => [60 - radius * Math.cos(Math.PI * share),
  60 - radius * Math.sin(Math.PI * share)].map((n) => n.toFixed(2)).join(" ");
const arc = (share) => `M${on(0, 48)}A48 48 0 0 1 ${on(share, 48)}`;
const ray = (share) => `M${on(share, 40)}L${on(share, 57)}`;
