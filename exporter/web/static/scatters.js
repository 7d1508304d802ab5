// @ts-check
/** Scatter plots of two measures, with the fitted line. */

import { baseLayout, reach, roomFor, valueAxis } from "./axes.js";
import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { unitOf } from "./measures.js";
import { noData } from "./notices.js";
import { shade } from "./palette.js";
import { Plot } from "./plots.js";
import { go, systemHref } from "./router.js";
import { moment } from "./times.js";
import { Tooltip } from "./tooltips.js";
import { format } from "./units.js";

/** A card with one scatter plot; a click on a point opens its system. */
export class Scatter {
  constructor() {
    this.card = new Card("Scatter", { kind: "chart scatter", level: 2, values: () => this.values() });
    this.element = this.card.element;
    this.plot = new Plot("Scatter plot. Its points can be had as a table.");
    this.tooltip = new Tooltip(this.plot.element);
    this.plot.listeners = { plotly_hover: (event) => this.hover(event), plotly_unhover: () => this.tooltip.hide(),
      plotly_click: (event) => this.open(event) };
    this.plot.failed = (error) => replace(this.card.body, noData(error.message));
    this.answer = null;
  }

  /** Show the answer of `/api/correlation`. */
  update(answer) {
    this.answer = answer;
    this.card.heading.textContent = `${answer.y.title} against ${answer.x.title}`;
    this.card.complain([answer.problem].filter(Boolean));
    if (answer.points.length === 0) {
      replace(this.card.body, noData("No system has a value of both in this range"));
      return;
    }
    if (!this.plot.element.isConnected) replace(this.card.body, this.plot.element, this.tooltip.element);
    this.plot.show((width, height) => this.picture(width, height));
  }

  /** Free what is held. */
  remove() {
    this.plot.remove();
  }

  picture(width, height) {
    const { points, fit, x, y } = this.answer;
    const scale = (name) => (this.log && points.some((point) => point[name] > 0) ? "log10" : "linear");
    const across = span(points.map((point) => point.x), scale("x"));
    const up = span(points.map((point) => point.y), scale("y"));
    const bottom = valueAxis({ ...across, unit: unitOf(x), scale: scale("x"), height: width * 0.5, title: x.title });
    const left = valueAxis({ ...up, unit: unitOf(y), scale: scale("y"), height, title: y.title });
    const layout = baseLayout({ l: roomFor(left) + 20, r: 24, t: 10, b: 48 });
    layout.hovermode = "closest";
    layout.dragmode = false;
    layout.xaxis = { ...bottom, title: { ...bottom.title, standoff: 10 } };
    layout.yaxis = left;
    layout.xaxis.linecolor = shade("--line-strong");
    const dots = {
      type: "scatter", mode: "markers", name: "", x: points.map((point) => point.x), y: points.map((point) => point.y),
        hoverinfo: "none",
      customdata: points.map((point) => point.system), text: [], meta: { points: true },
      marker: { size: 9, color: shade("--series-1", 0.65), line: { width: 1, color: shade("--series-1") } },
    };
    const traces = fit ? [line(fit, across, up), dots] : [dots];
    return { traces, layout };
  }

  hover(event) {
    const point = event.points.find((one) => one.data.meta?.points);
    if (!point) return;
    const { x, y, points } = this.answer;
    const one = points[point.pointIndex];
    this.tooltip.tell(one.at_s === null || one.at_s === undefined ? one.system
      : `${one.system}, ${moment(one.at_s * 1000)}`, [
      { colour: "--series-1", name: x.title, value: format(one.x, unitOf(x), { digits: 4 }) },
      { colour: "--series-1", name: y.title, value: format(one.y, unitOf(y), { digits: 4 }) },
    ], event.event);
  }

  open(event) {
    const point = event.points.find((one) => one.data.meta?.points);
    if (point) go(systemHref(this.answer.points[point.pointIndex].system));
  }

  values() {
    if (!this.answer) return null;
    const { x, y, points } = this.answer;
    const timed = points.some((point) => point.at_s !== null && point.at_s !== undefined);
    return {
      columns: [...(timed ? ["time"] : []), "system", `${x.title} [${x.unit}]`, `${y.title} [${y.unit}]`],
      units: [...(timed ? [null] : []), null, unitOf(x), unitOf(y)],
      rows: points.map((point) => [...(timed ? [new Date(point.at_s * 1000).toISOString().replace(".000Z", "Z")] : []),
        point.system, point.x, point.y]),
    };
  }
}

/** Ends of an axis: on a logarithmic one only what is above zero has a place. */
function span(values, scale) {
  if (scale === "linear") return reach(values, [], true);
  const positive = values.filter((value) => value > 0);
  return { low: Math.min(...positive) / 1.3, high: Math.max(...positive) * 1.3 };
}

/** The fitted line as far as it lies within the picture; many points, for on logarithmic axes it is bent. */
function line(fit, across, up) {
  const steps = Array.from({ length: 101 }, (_, at) => across.low + ((across.high - across.low) * at) / 100);
  const seen = steps.map((x) => ({ x, y: fit.slope * x + fit.intercept }))
    .filter((point) => point.y >= up.low && point.y <= up.high);
  return {
    type: "scatter", mode: "lines", name: "", x: seen.map((point) => point.x), y: seen.map((point) => point.y),
      hoverinfo: "skip", meta: { fit: true },
    line: { color: shade("--muted"), width: 1.5, dash: "dash" },
  };
}

/** The fitted line in words: how much `y` changes with `x`. */
export function fitInWords({ fit, x, y }) {
  if (!fit) return "–";
  const step = x.unit === "1" ? 0.01 : 1;
  const sign = fit.slope > 0 ? "+" : "";
  return h("span", {}, `${sign}${format(fit.slope * step, unitOf(y))} for each ${format(step, unitOf(x))} more`);
}
