// @ts-check
/** `/correlate`: any two measures against each other, over systems or over time, and the coefficients of all pairs. */

import { address, get } from "../api.js";
import { systemNames } from "../boards.js";
import { coefficient, matrix, strength } from "../correlation.js";
import { h, replace } from "../elements.js";
import { chosenMeasure, measures, measureSelect } from "../measures.js";
import { failure, problems, waiting } from "../notices.js";
import { change, systemHref } from "../router.js";
import { fitInWords, Scatter } from "../scatters.js";
import { select } from "../shell.js";

const OVER = { systems: "systems (a point each)", time: "time (a point per step)" };
const SCALES = { linear: "linear", log: "logarithmic" };
const KINDS = { spearman: "Spearman (by rank)", pearson: "Pearson (linear)" };

/** The page of correlations. */
export function correlate({ main }) {
  const page = new Correlate(main);
  return { title: "Correlate", load: (place, signal) => page.load(place, signal), leave: () => page.scatter.remove() };
}

class Correlate {
  constructor(main) {
    this.controls = h("div", { class: "fields" });
    this.said = h("div", {});
    this.scatter = new Scatter();
    this.numbers = h("section", { class: "card numbers", "aria-label": "Coefficients" }, waiting());
    this.matrix = h("div", { class: "scroller", tabindex: "0", role: "group",
      "aria-label": "Coefficients of all pairs" }, waiting());
    this.kind = h("span", {});
    this.asked = "";
    replace(main, this.controls, this.said, h("div", { class: "beside" }, this.scatter.element, this.numbers),
      h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "All pairs, over systems"),
        h("div", { class: "card-actions" }, this.kind)),
        h("p", { class: "hint inside" },
          "Means of the range, a point per system. Choose a cell to see its pair above."), this.matrix));
  }

  async load({ query, range }, signal) {
    let all;
    try {
      all = await measures();
    } catch (error) {
      if (!signal.aborted) replace(this.said, failure(error, () => change({}, { replace: true })));
      return;
    }
    const pair = {
      x: chosenMeasure(all, query.get("x"), "delivered_per_s").id,
        y: chosenMeasure(all, query.get("y"), "cost_per_message").id,
      over: query.get("over") === "time" ? "time" : "systems", x_system: query.get("x_system"),
        y_system: query.get("y_system"),
    };
    const systems = [...(await systemNames())];
    if (pair.over === "time" && !pair.x_system) pair.x_system = systems[0] ?? null;
    this.offer(all, pair, systems);
    this.scatter.log = query.get("scale") === "log";
    await this.points(pair, range, signal);
    await this.pairs(all, pair, range, query.get("by") ?? "spearman", signal);
  }

  offer(all, pair, systems) {
    if (this.controls.contains(document.activeElement)) return;
    const names = Object.fromEntries(systems.map((id) => [id, id]));
    replace(this.controls, measureSelect("Across (x)", all, pair.x, (x) => change({ x })),
      measureSelect("Up (y)", all, pair.y, (y) => change({ y })),
      h("button", { type: "button", class: "button", on: { click: () => change({ x: pair.y, y: pair.x }) } }, "Swap"),
      h("label", { class: "labelled" }, "Over", select("Over", OVER, pair.over,
        (over) => change({ over, x_system: null, y_system: null }))),
      h("label", { class: "labelled" }, "Scale", select("Scale", SCALES,
        new URLSearchParams(location.search).get("scale") ?? "linear",
        (scale) => change({ scale: scale === "linear" ? null : scale }))),
      pair.over === "time" ? h("label", { class: "labelled" }, "x of",
        select("System of x", names, pair.x_system, (x_system) => change({ x_system }))) : null,
      pair.over === "time" ? h("label", { class: "labelled" }, "y of",
        select("System of y", { "": "the same", ...names }, pair.y_system ?? "",
        (y_system) => change({ y_system }))) : null);
  }

  async points(pair, range, signal) {
    const timed = pair.over === "time" ? { x_system: pair.x_system, y_system: pair.y_system } : {};
    try {
      const answer = await get("/api/correlation", { x: pair.x, y: pair.y, over: pair.over, ...timed, ...range },
        signal);
      replace(this.said);
      this.scatter.update(answer);
      this.tell(answer);
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.said, failure(error, () => change({}, { replace: true })));
    }
  }

  tell(answer) {
    const { n, pearson, spearman, missing } = answer;
    const number = (name, value, note) => h("div", {}, h("dt", {}, name),
      h("dd", {}, h("strong", {}, value), h("span", { class: "hint" }, note)));
    replace(this.numbers, h("dl", { class: "statistics" },
      number("Spearman", coefficient(spearman), strength(spearman, n)),
        number("Pearson", coefficient(pearson), strength(pearson, n)),
      number("Points", String(n), answer.over === "systems" ? "systems with a value of both"
        : "steps with a value of both"),
      number("Fitted line", fitInWords(answer), "")),
    h("p", { class: "hint" },
      "Spearman compares ranks: single outliers count little. Neither says that one causes the other."),
    missing?.length ? h("details", {}, h("summary", {}, `${missing.length} without a value of both`),
      h("p", { class: "hint" },
      missing.map((id, at) => [at ? ", " : "", h("a", { href: systemHref(id) }, id)]))) : null);
  }

  async pairs(all, pair, range, by, signal) {
    const asked = address("/api/correlations", { between: "measures", ...range });
    replace(this.kind, select("Coefficient", KINDS, by, (kind) => change({ by: kind })));
    try {
      if (asked !== this.asked || !range.start) this.found = await get("/api/correlations",
        { between: "measures", ...range }, signal);
      this.asked = asked;
      replace(this.matrix, problems([this.found.problem]), matrix(this.found, by, [pair.x, pair.y], (x, y) => {
        change({ x, y, over: null, x_system: null, y_system: null });
        window.scrollTo({ top: 0 });
      }));
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.matrix, failure(error, () => change({}, { replace: true })));
    }
  }
}
