// @ts-check
/** Colours of series: names with a meaning always have the same one, the others take turns. */

import { colour } from "./themes.js";

/** How many colours there are before they begin again. */
export const COLOURS = 10;

const MEANINGS = {
  healthy: "--good", degraded: "--warn", failing: "--bad", unknown: "--unknown",
  good: "--good", bad: "--bad", ok: "--good", error: "--bad",
  delivered: "--series-1", published: "--series-9", duplicate: "--series-5", dead_lettered: "--series-2",
    rejected: "--bad",
  "2xx": "--series-1", "4xx": "--series-2", "5xx": "--bad",
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const THRESHOLDS = { red: "--bad", yellow: "--warn" };

/** Name of the colour of a series, by what it is called, else by its number. */
export function seriesColour(name, index) {
  return MEANINGS[String(name).trim().toLowerCase()] ?? `--series-${(index % COLOURS) + 1}`;
}

/** How a line is drawn: when the colours begin again, lines are dashed, then dotted. */
export function seriesDash(name, index) {
  return String(name).trim().toLowerCase() in MEANINGS ? "solid" : DASHES[Math.floor(index / COLOURS) % DASHES.length];
}

/** Name of the colour of a threshold. */
export function thresholdColour(threshold) {
  return THRESHOLDS[threshold.color] ?? "--muted";
}

/** The colour itself, as Plotly takes it; `alpha` makes it translucent. */
export function shade(property, alpha = 1) {
  const text = colour(property);
  const found = /rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)/.exec(text);
  return found && alpha < 1 ? `rgba(${found[1]},${found[2]},${found[3]},${alpha})` : text;
}

/** The worst threshold that a value has crossed, or null. */
export function crossed(value, thresholds) {
  if (typeof value !== "number") return null;
  const rank = (one) => ({ red: 2, yellow: 1 })[one.color] ?? 0;
  const over = (thresholds ?? []).filter((one) => (one.direction === "below" ? value < one.value : value > one.value));
  return over.sort((a, b) => rank(b) - rank(a))[0] ?? null;
}
