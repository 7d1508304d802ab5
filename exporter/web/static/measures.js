// @ts-check
/** Measures: numbers of a system worth comparing. */

import { get } from "./api.js";
import { h } from "./elements.js";

let known = null;

/** All measures, asked for once. */
export function measures() {
  known ??= get("/api/measures").then(({ measures: all }) => all, (error) => {
    known = null;
    throw error;
  });
  return known;
}

/** The unit in which a measure is read: ratios are read as percent. */
export function unitOf(measure) {
  return measure.unit === "1" && /ratio$/.test(measure.id) ? "10^2.%" : measure.unit;
}

/** A choice of measures. */
export function measureSelect(label, all, chosen, change) {
  return h("label", { class: "labelled" }, label,
    h("select", { class: "field", on: { change: (event) => change(event.target.value) } },
      all.map((one) => h("option", { value: one.id, selected: one.id === chosen }, one.title))));
}

/** The measure that an address names, else the usual one, else the first. */
export function chosenMeasure(all, name, usual) {
  return all.find((one) => one.id === name) ?? all.find((one) => one.id === usual) ?? all[0];
}
