// @ts-check
/** `/trends`: one measure over time, a line per system. */

import { get } from "../api.js";
import { Chart } from "../charts.js";
import { h, replace } from "../elements.js";
import { chosenMeasure, measures, measureSelect, unitOf } from "../measures.js";
import { failure, problems } from "../notices.js";
import { change } from "../router.js";

/** The page of trends. */
export function trends({ main }) {
  const page = new Trends(main);
  return { title: "Trends", load: (place, signal) => page.load(place, signal), leave: () => page.chart?.remove() };
}

class Trends {
  constructor(main) {
    this.controls = h("div", { class: "fields" });
    this.said = h("div", {});
    this.place = h("div", { class: "tall" });
    this.filter = h("input", { type: "search", class: "field", placeholder: "all",
      on: { change: () => change({ systems: this.filter.value.trim() || null }) } });
    replace(main, this.controls, this.said, this.place);
  }

  async load({ query, range }, signal) {
    try {
      const all = await measures();
      const measure = chosenMeasure(all, query.get("measure"), "latency_p95");
      this.offer(all, measure, query);
      const answer = await get(`/api/measures/${encodeURIComponent(measure.id)}`, range, signal);
      replace(this.said, problems([answer.problem]));
      this.show(measure, answer, query.get("systems") ?? "");
    } catch (error) {
      if (signal.aborted) throw error;
      replace(this.said, failure(error, () => change({}, { replace: true })));
    }
  }

  offer(all, measure, query) {
    if (document.activeElement !== this.filter) this.filter.value = query.get("systems") ?? "";
    if (!this.controls.firstChild) {
      this.help = h("p", { class: "hint grow" });
      this.choice = measureSelect("Measure", all, measure.id, (id) => change({ measure: id }));
      replace(this.controls, this.choice, h("label", { class: "labelled" }, "Systems whose name has", this.filter),
        this.help);
    }
    this.choice.querySelector("select").value = measure.id;
    this.help.textContent = measure.help;
  }

  show(measure, answer, wanted) {
    if (this.chart?.widget.title !== measure.title) {
      this.chart?.remove();
      this.chart = new Chart({ kind: "chart", title: measure.title, problems: [], series: [], y: null, y2: null,
        thresholds: [] }, { level: 2 });
      replace(this.place, this.chart.element);
    }
    const words = wanted.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const chosen = answer.systems.filter((one) => words.length === 0
      || words.some((word) => one.id.toLowerCase().includes(word)));
    this.chart.widget = { ...this.chart.widget,
      series: chosen.map((one) => ({ query: one.id, plot: "line", axis: "y1", legend: "" })) };
    const answers = Object.fromEntries(chosen.map((one) => [one.id, answerOf(one, measure, answer.step_s)]));
    this.chart.update(answers, [Date.parse(answer.start), Date.parse(answer.end)]);
  }
}

/** Values of a system as the answer of a query; each has its own step, for systems are measured at their own pace. */
function answerOf(one, measure, step_s) {
  const series = {
    name: one.id, labels: { job: one.id }, metric_type: measure.id, resource_type: "", kind: "gauge",
      value_type: "double", unit: unitOf(measure),
    starts_s: null, ends_s: one.ends_s, values: one.values,
  };
  return { series: [series], step_s: one.step_s ?? step_s, problem: null, truncated: false };
}
