// @ts-check
/** Tables that can be sorted by each of their columns. */

import { h, replace } from "./elements.js";
import { systemHref } from "./router.js";
import { format } from "./units.js";

/**
 * A table; `columns` are `{title, unit, bar, show, colour, align, label}`, rows are lists of numbers, text or null.
 * `show` makes a node of a cell, `colour` names one for its text.
 */
export class SortableTable {
  constructor(name, { sort = null, most = 1000 } = {}) {
    this.sort = sort;
    this.most = most;
    this.head = h("thead");
    this.body = h("tbody");
    this.note = h("p", { class: "hint" });
    this.table = h("table", { "aria-label": name }, this.head, this.body);
    this.element = h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": name }, this.table,
      this.note);
  }

  /** Show rows; how they are sorted stays as it was. */
  update(columns, rows) {
    this.columns = columns;
    this.rows = rows;
    this.draw();
  }

  /** Rows in the order in which they are shown. */
  sorted() {
    if (!this.sort || this.sort.column >= this.columns.length) return this.rows;
    const { column, down } = this.sort;
    return [...this.rows].sort((a, b) => compare(a[column], b[column], down));
  }

  draw() {
    const focused = [...this.head.querySelectorAll("button")].findIndex((button) => button === document.activeElement);
    replace(this.head, h("tr", {}, this.columns.map((column, at) => this.heading(column, at))));
    const largest = this.columns.map((column, at) => (column.bar ? Math.max(0, ...this.rows.map((row) => row[at] ?? 0))
      : 0));
    const shown = this.sorted().slice(0, this.most);
    replace(this.body,
      shown.map((row) => h("tr", {}, row.slice(0, this.columns.length)
      .map((value, at) => cell(value, this.columns[at], largest[at], row)))));
    this.note.textContent = this.rows.length > shown.length
      ? `${shown.length} of ${this.rows.length} rows are shown; the file has all.` : "";
    if (focused >= 0) this.head.querySelectorAll("button")[focused]?.focus();
  }

  heading(column, at) {
    const mine = this.sort?.column === at;
    const order = mine ? (this.sort.down ? "descending" : "ascending") : null;
    return h("th", { scope: "col", class: align(column, this.rows, at), "aria-sort": order },
      h("button", { type: "button", on: { click: () => this.by(at) } }, column.title,
        h("span", { class: "order", "aria-hidden": "true" }, mine ? (this.sort.down ? "▾" : "▴") : "")));
  }

  by(column) {
    const numbers = this.rows.some((row) => typeof row[column] === "number");
    const mine = this.sort?.column === column;
    this.sort = { column, down: mine ? !this.sort.down : numbers };
    this.draw();
  }
}

/** A link to a system's page. */
export function systemLink(id) {
  return h("a", { href: systemHref(id) }, id);
}

/** What is missing comes last, whichever way is up. */
function compare(a, b, down) {
  const missing = (value) => value === null || value === undefined;
  if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
  const order = typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}

function cell(value, column, largest, row) {
  const content = column.show ? column.show(value, row)
    : format(value, column.unit ?? "1", { words: false, digits: 4 });
  const tone = column.colour?.(value) ?? null;
  const name = [align(column, [[value]], 0), column.label ? "label" : "", tone ? "toned" : ""].filter(Boolean)
    .join(" ");
  const css = { ...(tone ? { "--tone": `var(${tone})` } : {}),
    ...(largest > 0 && typeof value === "number" ? { "--share": `${(100 * Math.max(0, value)) / largest}%` } : {}) };
  return h("td", { class: name + (largest > 0 ? " bar" : "") || null, css }, content);
}

function align(column, rows, at) {
  if (column.align) return column.align === "right" ? "number" : "";
  return rows.some((row) => typeof row[at] === "number") ? "number" : "";
}
