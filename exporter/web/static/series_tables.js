// @ts-check
/** Tables of newest values: a row per set of labels, a column per data set. */

import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { notesOf, problemsOf, seriesOf } from "./frames.js";
import { HEALTH, isHealth, unitOf } from "./meanings.js";
import { waiting } from "./notices.js";
import { crossed, thresholdColour } from "./palette.js";
import { SortableTable, systemLink } from "./tables.js";
import { plainValue } from "./traces.js";
import { format } from "./units.js";

const HEALTH_COLOURS = ["--bad", "--warn", "--good"];

/** A widget of kind `table`; `systems` are the names that have a page of their own. */
export class SeriesTable {
  constructor(widget, { help = "", level = 3, systems = new Set() } = {}) {
    this.widget = widget;
    this.systems = systems;
    this.card = new Card(widget.title, { kind: "table", help, level, values: () => this.values() });
    this.card.complain(widget.problems ?? [], true);
    this.element = this.card.element;
    replace(this.card.body, waiting());
    this.table = new SortableTable(widget.title || "Newest values");
    this.drawn = [];
  }

  /** Show the newest value of each series. */
  update(answers) {
    this.drawn = seriesOf(this.widget.series, answers).filter((one) => one.series.ends_s.length > 0);
    this.card.note(notesOf(this.widget.series, answers, this.widget.range));
    this.card.complain(problemsOf(this.widget.series, answers));
    if (this.drawn.length === 0) {
      this.card.empty(this.widget.series, problemsOf(this.widget.series, answers));
      return;
    }
    const { labels, rows } = merged(this.widget.series, this.drawn);
    this.columns = [...labels.map((label) => this.labelColumn(label)),
      ...this.widget.series.map((entry, at) => this.valueColumn(entry, at))];
    this.rows = rows;
    this.table.update(this.columns.filter((column) => !column.hidden),
      rows.map((row) => row.filter((_, at) => !this.columns[at].hidden)));
    if (!this.table.element.isConnected) replace(this.card.body, this.table.element);
  }

  /** Nothing is held. */
  remove() {}

  labelColumn(label) {
    const set = this.setting(label);
    return {
      title: set?.title || (this.systems.has(this.drawn[0]?.series.labels[label]) ? "System" : words(label)),
        label: true, align: set?.alignment, hidden: set?.visible === false,
      show: (value) => (this.systems.has(value) ? systemLink(value) : value ?? ""),
    };
  }

  valueColumn(entry, at) {
    const series = this.drawn.find((one) => one.query === entry.query)?.series;
    const set = this.setting(series?.metric_type) ?? this.setting(entry.query);
    const several = this.widget.series.length > 1;
    const name = entry.legend && !entry.legend.includes("${") ? entry.legend : several && series
      ? words(series.metric_type.split("/").pop()) : "Value";
    const column = {
      title: set?.title || name, unit: unitOf(series), bar: this.widget.bars, hidden: set?.visible === false,
        align: set?.alignment,
      colour: (value) => { const over = crossed(value, set?.thresholds); return over ? thresholdColour(over) : null; },
    };
    return isHealth(series) ? { ...column, ...healthColumn } : { ...column, at };
  }

  setting(name) {
    return (this.widget.columns ?? []).find((one) => one.column === name);
  }

  /** Exactly what is shown, in the order in which it is shown. */
  values() {
    const shown = this.table.columns ?? [];
    const titles = shown.map((column) => (column.unit && column.unit !== "1" ? `${column.title} [${column.unit}]`
      : column.title));
    return { columns: titles, units: shown.map((column) => column.unit ?? null), rows: this.drawn.length
      ? this.table.sorted() : [] };
  }
}

const healthColumn = {
  show: (value) => (typeof value === "number" && HEALTH[value]
    ? h("span", { class: `health ${HEALTH[value]}` }, HEALTH[value]) : format(value)),
  colour: (value) => HEALTH_COLOURS[value] ?? null,
};

/** Rows of all series, merged by the labels that all data sets share. */
export function merged(entries, drawn) {
  const sets = entries.map((entry) => drawn.filter((one) => one.query === entry.query)).filter((set) => set.length > 0);
  const keys = sets.map((set) => new Set(set.flatMap((one) => Object.keys(one.series.labels)))).reduce((a,
    b) => new Set([...a].filter((key) => b.has(key))));
  const labels = telling([...keys], drawn);
  const extra = sets.some((set) => new Set(set.map((one) => keyOf(one, labels))).size < set.length);
  const named = extra || labels.length === 0;
  const rows = new Map();
  for (const one of drawn) {
    const key = keyOf(one, labels) + (named ? JSON.stringify(one.series.name) : "");
    if (!rows.has(key)) {
      const first = labels.map((label) => one.series.labels[label] ?? null);
      rows.set(key, { first: named ? [...first, one.series.name] : first,
        cells: new Array(entries.length).fill(null) });
    }
    rows.get(key).cells[entries.findIndex((entry) => entry.query === one.query)] = newest(one.series);
  }
  return { labels: named ? [...labels, "series"] : labels,
    rows: [...rows.values()].map((row) => [...row.first, ...row.cells]) };
}

/** Labels that differ between series; where none does, the first says at least what the row is. */
function telling(keys, drawn) {
  const differ = keys.filter((key) => new Set(drawn.map((one) => one.series.labels[key])).size > 1);
  return differ.length ? differ : keys.slice(0, 1);
}

function keyOf(one, labels) {
  return JSON.stringify(labels.map((label) => one.series.labels[label] ?? null));
}

function newest(series) {
  const at = series.ends_s.length - 1;
  return series.value_type === "string" ? series.values[at] : plainValue(series, at);
}

function words(name) {
  const text = String(name ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
