// @ts-check
/** Which widget shows what, and grids of them. */

import { Chart } from "./charts.js";
import { h, icon, replace } from "./elements.js";
import { AlertWidget, IncidentWidget } from "./incident_widgets.js";
import { BAR, depth, flowed, grid, inOrder, put } from "./layout.js";
import { problems } from "./notices.js";
import { Pie } from "./pies.js";
import { Scorecard } from "./scorecards.js";
import { SeriesTable } from "./series_tables.js";
import { Blank, Header, Text, Unsupported } from "./texts.js";

const KINDS = {
  chart: Chart, scorecard: Scorecard, table: SeriesTable, pie: Pie, text: Text, header: Header, blank: Blank,
    unsupported: Unsupported,
  incidents: IncidentWidget, alert: AlertWidget,
};

/** Items of a dashboard on a grid; `context` has `helps`, `systems` and the number of columns. */
export class Grid {
  constructor(items, context, refit = () => {}) {
    this.context = context;
    this.items = inOrder(items);
    this.refit = refit;
    this.widgets = new Map(this.items.map((item) => [item, this.make(item)]));
    this.cells = new Map(this.items.map((item) => [item,
      h("div", { class: `cell of-${item.widget.kind}` }, this.widgets.get(item).element)]));
    this.element = grid(context.columns);
    this.element.append(...this.cells.values());
    this.fit();
  }

  /** Show answers; done when all widgets show theirs. */
  update(answers, span) {
    return Promise.all([...this.widgets.values()].map((widget) => widget.update(answers, span)));
  }

  /** Let widgets ask that need no answers of queries. */
  early() {
    for (const widget of this.widgets.values()) widget.early?.();
  }

  /** Free what the widgets hold. */
  remove() {
    for (const widget of this.widgets.values()) widget.remove();
  }

  /** How many rows the grid takes now. */
  rows() {
    return depth(this.placed);
  }

  make(item) {
    const { widget } = item;
    const context = { ...this.context, help: this.context.helps.get(widget.title) ?? "",
      refit: () => this.fit() };
    if (widget.kind === "group") return new Group(widget, context, () => this.fit());
    if (widget.kind === "single") return new Single(widget, context, () => this.fit());
    const Kind = KINDS[widget.kind] ?? Unsupported;
    return new Kind(widget, context);
  }

  fit() {
    if (!this.widgets) return;
    this.placed = flowed(this.items, (item) => this.widgets.get(item).rows?.() ?? item.h);
    this.items.forEach((item, at) => put(this.cells.get(item), this.placed[at], this.context.columns));
    this.refit();
  }
}

/** A widget of kind `group`: folds away. */
class Group {
  constructor(widget, context, refit) {
    this.isOpen = !widget.collapsed;
    this.answers = null;
    this.button = h("button", { type: "button", class: "fold", "aria-expanded": String(this.isOpen),
      on: { click: () => this.toggle() } },
      icon("fold"), widget.title || "Group");
    this.grid = new Grid(widget.items ?? [], context, () => refit());
    this.grid.element.hidden = !this.isOpen;
    this.refit = refit;
    this.element = h("section", { class: "group", "aria-label": widget.title || "Group" },
      h("h2", { class: "group-head" }, this.button),
      problems(widget.problems ?? []), this.grid.element);
  }

  update(answers, span) {
    this.answers = [answers, span];
    return this.isOpen ? this.grid.update(answers, span) : null;
  }

  early() {
    if (this.isOpen) this.grid.early();
  }

  remove() {
    this.grid.remove();
  }

  rows() {
    return BAR + (this.isOpen ? this.grid.rows() : 0);
  }

  toggle() {
    this.isOpen = !this.isOpen;
    this.button.setAttribute("aria-expanded", String(this.isOpen));
    this.grid.element.hidden = !this.isOpen;
    if (this.isOpen && this.answers) this.grid.update(...this.answers);
    this.refit();
  }
}

/** A widget of kind `single`: one of its widgets at a time. */
class Single {
  constructor(widget, context, refit) {
    this.items = widget.items ?? [];
    this.shown = 0;
    this.answers = null;
    this.context = context;
    this.refit = refit;
    this.place = h("div", {});
    this.buttons = this.items.map((item, at) => h("button",
      { type: "button", "aria-pressed": String(at === 0), on: { click: () => this.choose(at) } },
      item.widget.title || `View ${at + 1}`));
    this.element = h("section", { class: "single", "aria-label": widget.title || "Views" },
      h("div", { class: "single-head" }, widget.title ? h("h3", {}, widget.title) : null,
        h("div", { class: "segments" }, this.buttons)),
      problems(widget.problems ?? []), this.place);
    this.choose(0);
  }

  update(answers, span) {
    this.answers = [answers, span];
    return this.grid?.update(answers, span);
  }

  early() {
    this.grid?.early();
  }

  remove() {
    this.grid?.remove();
  }

  rows() {
    return BAR + (this.grid?.rows() ?? 0);
  }

  choose(at) {
    this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === at)));
    this.grid?.remove();
    const item = this.items[at];
    this.grid = item ? new Grid([{ ...item, y: 0 }], this.context) : null;
    replace(this.place, this.grid?.element);
    if (this.grid && this.answers) this.grid.update(...this.answers);
    this.refit();
  }
}
