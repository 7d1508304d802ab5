// @ts-check
/** Shares of a whole, as a pie or a ring. */

import { Card } from "./cards.js";
import { h, replace, svg } from "./elements.js";
import { notesOf, problemsOf, seriesOf } from "./frames.js";
import { waiting } from "./notices.js";
import { seriesColour } from "./palette.js";
import { plainValue } from "./traces.js";
import { format } from "./units.js";

/** A widget of kind `pie`. */
export class Pie {
  constructor(widget, { help = "", level = 3 } = {}) {
    this.widget = widget;
    this.card = new Card(widget.title, { kind: "pie", help, level, values: () => this.values() });
    this.card.complain(widget.problems ?? [], true);
    this.element = this.card.element;
    replace(this.card.body, waiting());
    this.slices = [];
  }

  /** Show the newest values; what is not above zero has no share. */
  update(answers) {
    const drawn = seriesOf(this.widget.series, answers).filter((one) => one.series.ends_s.length > 0);
    this.slices = drawn.map((one) => ({
      name: one.series.name || "value", unit: one.series.unit,
        value: plainValue(one.series, one.series.ends_s.length - 1),
    })).filter((slice) => slice.value !== null).sort((a, b) => b.value - a.value)
      .map((slice, index) => ({ ...slice, colour: slice.value > 0 ? seriesColour(slice.name, index) : "--line" }));
    this.card.note(notesOf(this.widget.series, answers, this.widget.range));
    this.card.complain(problemsOf(this.widget.series, answers));
    const total = this.slices.reduce((sum, slice) => sum + Math.max(0, slice.value), 0);
    if (this.slices.length === 0) this.card.empty(this.widget.series, problemsOf(this.widget.series, answers));
    else replace(this.card.body, h("div", { class: "pie-area" }, this.picture(total), this.legend(total)));
  }

  /** Nothing is held. */
  remove() {}

  picture(total) {
    let from = 0;
    const inner = this.widget.donut ? 30 : 0;
    const parts = this.slices.filter((slice) => slice.value > 0).map((slice) => {
      const share = slice.value / total;
      const path = sector(from, from + share, inner);
      from += share;
      return svg("path", { d: path, css: { fill: `var(${slice.colour})` }, class: "slice", "fill-rule": "evenodd" });
    });
    const label = this.widget.donut && this.widget.total
      ? svg("text", { x: 50, y: 54, class: "pie-total" }, format(total, this.slices[0].unit, { words: false })) : null;
    return svg("svg", { viewBox: "0 0 100 100", class: "pie-picture", "aria-hidden": "true" }, parts, label);
  }

  legend(total) {
    return h("ul", { class: "pie-legend" }, this.slices.map((slice) => h("li", {},
      h("span", { class: "swatch", css: { background: `var(${slice.colour})` } }),
        h("span", { class: "name" }, slice.name),
      h("span", { class: "value" }, format(slice.value, slice.unit, { words: false })),
      h("span", { class: "share" }, total > 0 && slice.value > 0 ? format(slice.value / total, "10^2.%") : ""))));
  }

  values() {
    const unit = this.slices[0]?.unit ?? null;
    return { columns: ["series", unit && unit !== "1" ? `value [${unit}]` : "value"], units: [null, unit],
      rows: this.slices.map((slice) => [slice.name, slice.value]) };
  }
}

/** The point of a circle that a share of it ends at, from the top and to the right. */
function at(share, radius) {
  const turn = 2 * Math.PI * share;
  return `${(50 + radius * Math.sin(turn)).toFixed(3)} ${(50 - radius * Math.cos(turn)).toFixed(3)}`;
}

function sector(from, to, inner) {
  if (to - from > 0.9999) return ring(48) + (inner ? ring(inner) : "");
  const large = to - from > 0.5 ? 1 : 0;
  const outer = `M${at(from, 48)}A48 48 0 ${large} 1 ${at(to, 48)}`;
  return inner ? `${outer}L${at(to, inner)}A${inner} ${inner} 0 ${large} 0 ${at(from, inner)}Z` : `${outer}L50 50Z`;
}

const ring = (radius) => `M50 ${50 - radius}A${radius} ${radius} 0 1 1 49.99 ${50 - radius}Z`;
