// @ts-check
/** What the values of single metrics mean beyond their unit. */

import { format } from "./units.js";

/** Health by its value: `health` is 0, 1 or 2. */
export const HEALTH = ["failing", "degraded", "healthy"];

/** The unit in which values of a series are read: shares in percent. */
export function unitOf(series) {
  if (!series) return "1";
  if (/\/(ingest_)?cost_per_message$/.test(series.metric_type) && series.unit === "{USD}") return "{USD}/{message}";
  return series.unit === "1" && /ratio$/.test(series.metric_type) ? "10^2.%" : series.unit || "1";
}

/** Whether values of a unit are shares of a whole. */
export function isShare(unit) {
  return unit === "10^2.%" || unit === "%";
}

/** Whether the values of a series are states of health. */
export function isHealth(series) {
  return /\/health(\/gauge)?$/.test(series?.metric_type ?? "") && series.unit === "1";
}

/** A value of a series in words. */
export function textOf(value, series, options = {}) {
  if (isHealth(series) && HEALTH[value]) return HEALTH[value];
  return format(value, unitOf(series), options);
}
