// @ts-check
/** What a chart says of the point under the pointer. */

import { h, replace } from "./elements.js";
import { textOf } from "./meanings.js";
import { moment, period, zone } from "./times.js";
import { periodOf } from "./traces.js";

const MOST = 14;

/** A box beside the pointer, over one chart. */
export class Tooltip {
  constructor(plot) {
    this.plot = plot;
    this.element = h("div", { class: "tooltip", "aria-hidden": "true", hidden: true });
  }

  /** Tell the points of a Plotly event, largest first. */
  show(event, drawn) {
    const rows = event.points.map((point) => ({ point, one: drawn.find((each) => each.key === point.data.meta?.key) }))
      .filter((row) => row.one && row.point.y !== null && row.point.y !== undefined);
    if (rows.length === 0) return;
    rows.sort((a, b) => Number(b.point.y) - Number(a.point.y));
    const when = header(rows[0]);
    const cut = rows.slice(0, MOST);
    this.tell(when, cut.map(({ point, one }) => ({
      colour: one.colour, name: one.series.name || "value", value: textOf(point.y, one.series, { digits: 4 }),
    })), event.event, rows.length - cut.length);
  }

  /** Show a heading and rows of colour, name and value. */
  tell(when, rows, pointer, more = 0) {
    replace(this.element, h("div", { class: "when" }, when),
      rows.map((row) => h("div", { class: "row" },
        h("span", { class: "swatch", css: { background: `var(${row.colour})` } }),
        h("span", { class: "name" }, row.name), h("span", { class: "value" }, row.value))),
      more ? h("div", { class: "hint" }, `and ${more} more`) : null);
    this.element.hidden = false;
    this.move(pointer);
  }

  /** Nothing is pointed at. */
  hide() {
    this.element.hidden = true;
  }

  move(pointer) {
    if (!pointer) return;
    const box = this.element.offsetParent?.getBoundingClientRect() ?? this.plot.getBoundingClientRect();
    const x = pointer.clientX - box.left;
    const y = pointer.clientY - box.top;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + 14 + width > box.width ? Math.max(0, x - width - 14) : x + 14;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${Math.min(Math.max(0, y - height / 2), Math.max(0, box.height - height))}px`;
  }
}

function header({ point, one }) {
  const end = point.x;
  const at = one.series.ends_s.indexOf(end / 1000);
  const periodic = one.plot === "bar" || one.series.starts_s;
  if (at >= 0
    && periodic) return `${period(end - 1000 * periodOf(one.series, at, one.answer.step_s), end)} (${zone(end)})`;
  return `${moment(end)} (${zone(end)})`;
}
