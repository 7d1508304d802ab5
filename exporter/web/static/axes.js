// @ts-check
/** Axes of charts: round ticks in words of people, and what Plotly is to leave out. */

import { shade } from "./palette.js";
import { timeTicks } from "./times.js";
import { format, valueTicks } from "./units.js";

const TIMES_S = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36_000, 259_200, 2_592_000];
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** What all charts have in common. */
export function baseLayout(margin) {
  return {
    margin: { pad: 0, ...margin }, showlegend: false, hovermode: "x", hoverdistance: 24, dragmode: "zoom",
      autosize: false, bargap: 0,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FONT, size: 11, color: shade("--muted") },
  };
}

/** A time axis in milliseconds since the epoch. */
export function timeAxis(startMs, endMs, width) {
  const ticks = timeTicks(startMs, endMs, Math.max(2, Math.floor(width / 95)));
  return {
    type: "linear", range: [startMs, endMs], tickmode: "array", tickvals: ticks.map((tick) => tick.at),
      ticktext: ticks.map((tick) => tick.text),
    showgrid: false, zeroline: false, ticks: "outside", ticklen: 4, tickcolor: shade("--line-strong"),
      linecolor: shade("--line-strong"),
    showline: true, tickangle: 0, automargin: false,
  };
}

/** A value axis: `low` to `high` in `unit`, linear or log10. */
export function valueAxis({ low, high, unit, scale, height, title = "" }) {
  const most = Math.max(2, Math.floor(height / 42));
  const axis = {
    fixedrange: true, zeroline: false, gridcolor: shade("--grid"), ticks: "", automargin: false, tickmode: "array",
    title: { text: plainText(title), standoff: 4, font: { size: 10.5 } },
  };
  if (scale === "log10" && high > 0) return { ...axis, type: "log", ...logTicks(low, high, unit, most) };
  const ticks = valueTicks(low, high, unit, most);
  return { ...axis, type: "linear", range: [low, high], tickvals: ticks,
    ticktext: ticks.map((tick) => format(tick, unit, { words: false })) };
}

/**
 * The range that an axis needs: from zero, but for shares near the whole (`close`); with `bounds` (thresholds) where
 * they are near.
 */
export function reach(values, bounds = [], close = false) {
  let [low, high] = extent(values);
  if (low === Infinity) return { low: 0, high: 1 };
  for (const bound of bounds) {
    if (bound > high && bound <= 3 * Math.max(high, 0)) high = bound;
    if (bound < low && bound >= 0) low = Math.min(low, bound);
  }
  if (close && low > 0.6 * high) {
    const room = Math.max((high - low) * 0.15, high * 1e-4);
    return { low: low - room, high: high + room };
  }
  low = Math.min(0, low);
  high = Math.max(0, high);
  const room = (high - low || 1) * 0.06;
  return { low: low < 0 ? low - room : 0, high: high > 0 ? high + room : low < 0 ? 0 : 1 };
}

/** Smallest and largest of values; there may be too many to pass them as arguments. */
function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** How many pixels the ticks of an axis need beside it. */
export function roomFor(axis) {
  const longest = Math.max(0, ...axis.ticktext.map((text) => text.length));
  return Math.max(52, 14 + Math.ceil(longest * 6.6));
}

/** Text that Plotly shall not read as its markup. */
export function plainText(text) {
  return String(text ?? "").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Round values of an axis of powers: times are round in minutes and hours, too. */
function logSteps(from, to, unit) {
  const perSecond = { s: 1, ms: 1000, us: 1e6 }[unit];
  if (perSecond && to - from > 1) return TIMES_S.map((seconds) => seconds * perSecond);
  const ticks = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
    for (const part of to - from < 1.5 ? [1, 2, 5] : [1]) ticks.push(part * 10 ** power);
  }
  return ticks;
}

function logTicks(low, high, unit, most) {
  const from = Math.log10(low > 0 ? low : high / 1e4);
  const to = Math.log10(high);
  const span = Math.max(to - from, 0.3);
  const inside = (tick) => Math.log10(tick) >= from - 1e-9 && Math.log10(tick) <= from + span + 1e-9;
  const ticks = logSteps(from, from + span, unit).filter(inside);
  const every = Math.ceil(ticks.length / most);
  const seen = ticks.filter((_, at) => at % every === 0);
  return { range: [from, from + span], tickvals: seen,
    ticktext: seen.map((tick) => format(tick, unit, { words: false })) };
}
