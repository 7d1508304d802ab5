// @ts-check
/** Correlations in words, and the matrix of them. */

import { h } from "./elements.js";

/** How strong a coefficient is, in words; few points say nothing. */
export function strength(coefficient, n) {
  if (coefficient === null || coefficient === undefined) return "undefined";
  if (n < 10) return "too few points to say";
  const size = Math.abs(coefficient);
  const word = size >= 0.9 ? "very strong" : size >= 0.7 ? "strong" : size >= 0.4 ? "moderate" : size >= 0.2 ? "weak"
    : "none to speak of";
  return size < 0.2 ? word : `${word}, ${coefficient > 0 ? "rising together" : "one falls as the other rises"}`;
}

/** A coefficient with two digits. */
export function coefficient(value) {
  return value === null || value === undefined ? "–" : (Number(value.toFixed(2)) || 0).toFixed(2).replace("-", "−");
}

/** A matrix of coefficients as a table; `choose(row, column)` is called for the cell that is clicked. */
export function matrix({ names, titles, pearson, spearman, n }, kind, chosen, choose) {
  const values = kind === "spearman" ? spearman : pearson;
  const told = names.map((_, at) => at)
    .filter((at) => values[at].some((value, other) => other !== at && value !== null));
  const silent = names.map((_, at) => at).filter((at) => !told.includes(at));
  const heads = told.map((at) => h("th", { scope: "col", class: "turned" }, h("span", {}, titles[at])));
  const rows = told.map((row) => h("tr", {}, h("th", { scope: "row" }, titles[row]), told.map((column) => {
    const name = names[row];
    const other = names[column];
    const value = values[row][column];
    if (row === column) return h("td", { class: "same" });
    const mine = chosen && ((chosen[0] === other && chosen[1] === name) || (chosen[0] === name && chosen[1] === other));
    return h("td", {}, h("button", {
      type: "button", class: `coefficient ${tone(value)}${mine ? " chosen" : ""}`,
        css: { "--size": String(Math.abs(value ?? 0)) },
      "aria-label": `${titles[column]} with ${titles[row]}: ${coefficient(value)}, ${n[row][column]} points`,
      title: `${titles[column]} with ${titles[row]}\n${coefficient(value)} over ${n[row][column]} points`,
        on: { click: () => choose(other, name) },
    }, coefficient(value)));
  })));
  return h("div", {}, told.length ? h("table", { class: "matrix", "aria-label": "Coefficients of all pairs" },
    h("thead", {}, h("tr", {}, h("td"), heads)), h("tbody", {}, rows)) : null,
    silent.length ? h("p", { class: "hint inside" },
      `No coefficient, for want of values or because all are the same: ${silent.map((at) => titles[at]).join("; ")}.`) : null);
}

function tone(value) {
  if (value === null || value === undefined) return "unknown";
  return value < 0 ? "negative" : "positive";
}
