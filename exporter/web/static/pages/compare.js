// @ts-check
/** `/compare`: one measure of all systems, the largest first, and the dashboard that compares them. */

import { get } from "../api.js";
import { Board, StoredSource } from "../boards.js";
import { Card } from "../cards.js";
import { h, replace } from "../elements.js";
import { chosenMeasure, measures, measureSelect, unitOf } from "../measures.js";
import { failure, noData, problems } from "../notices.js";
import { change, systemHref } from "../router.js";
import { select } from "../shell.js";
import { format } from "../units.js";

const ORDERS = { top: "Largest first", bottom: "Smallest first" };
const COUNTS = { all: "All systems", 10: "10 systems", 20: "20 systems" };
const STATISTICS = { last: "Newest value", mean: "Mean of the range", max: "Largest of the range",
  min: "Smallest of the range" };

/** The page that compares systems. */
export function compare({ main }) {
  const bars = new Bars();
  const board = new Board(new StoredSource("compare"));
  replace(main, bars.card.element, board.element);
  return { title: "Compare", load: (place,
    signal) => Promise.all([bars.load(place, signal), board.load(place, signal)]), leave: () => board.leave() };
}

/** Horizontal bars, a row per system. */
class Bars {
  constructor() {
    this.controls = h("div", { class: "fields" });
    this.list = h("div", {});
    this.rows = [];
    this.card = new Card("", { kind: "compare", level: 2, values: () => this.values() });
    this.card.element.classList.remove("untitled");
    replace(this.card.body, this.controls, this.list);
  }

  async load({ query, range }, signal) {
    try {
      const all = await measures();
      this.measure = chosenMeasure(all, query.get("measure"), "latency_p95");
      const settings = { order: query.get("order") ?? "top", count: query.get("count") ?? "all", of: query.get("of")
        ?? "last" };
      this.name(settings, all);
      const answer = await get(`/api/measures/${encodeURIComponent(this.measure.id)}`, range, signal);
      this.draw(answer, settings);
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.list, failure(error, () => change({}, { replace: true })));
    }
  }

  name(settings, all) {
    this.card.heading.textContent = `${this.measure.title}, ${(STATISTICS[settings.of] ?? STATISTICS.last).toLowerCase()}`;
    if (this.controls.contains(document.activeElement) && document.activeElement?.tagName === "SELECT"
      && this.controls.childElementCount) return;
    replace(this.controls, measureSelect("Measure", all, this.measure.id, (measure) => change({ measure })),
      h("label", { class: "labelled" }, "Value", select("Value", STATISTICS, settings.of, (of) => change({ of }))),
      h("label", { class: "labelled" }, "Order", select("Order", ORDERS, settings.order, (order) => change({ order }))),
      h("label", { class: "labelled" }, "Show", select("Show", COUNTS, settings.count, (count) => change({ count }))),
      h("p", { class: "hint grow" }, this.measure.help));
  }

  draw(answer, { order, count, of }) {
    const unit = unitOf(this.measure);
    const known = answer.systems.map((one) => ({ id: one.id, value: one[of] ?? null }))
      .filter((one) => one.value !== null);
    known.sort((a, b) => (order === "bottom" ? a.value - b.value : b.value - a.value)
      || a.id.localeCompare(b.id, "en", { numeric: true }));
    this.rows = count === "all" ? known : known.slice(0, Number(count));
    this.missing = answer.systems.filter((one) => (one[of] ?? null) === null).map((one) => one.id);
    const largest = Math.max(0, ...known.map((one) => Math.abs(one.value)));
    replace(this.list, problems([answer.problem]), this.rows.length
      ? h("table", { class: "bars", "aria-label": this.measure.title },
      h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "System"),
        h("th", { scope: "col" }, this.measure.title))),
      h("tbody", {},
        this.rows.map((one) => h("tr", {}, h("th", { scope: "row" }, h("a", { href: systemHref(one.id) }, one.id)),
        h("td", { css: { "--share": `${largest ? (100 * Math.abs(one.value)) / largest : 0}%` } },
          h("span", { class: "bar-track" }, h("span", { class: "bar-fill" })),
            h("span", { class: "value" }, format(one.value, unit, { words: false }))))))) : noData(),
    this.missing.length ? h("p", { class: "hint" }, `No value in this range: ${this.missing.join(", ")}`) : null);
  }

  values() {
    return { columns: ["system", `${this.measure.title} [${this.measure.unit}]`], units: [null, unitOf(this.measure)],
      rows: this.rows.map((one) => [one.id, one.value]) };
  }
}
