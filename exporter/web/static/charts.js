// @ts-check
/** Charts over time: lines, stacked areas, stacked bars, heatmaps, on one or two axes, with thresholds. */

import { baseLayout, plainText, reach, roomFor, timeAxis, valueAxis } from "./axes.js";
import { Card } from "./cards.js";
import { replace } from "./elements.js";
import { frame, isDistribution, notesOf, problemsOf, seriesOf } from "./frames.js";
import { heatmap } from "./heatmaps.js";
import { Legend } from "./legends.js";
import { isShare, unitOf } from "./meanings.js";
import { noData, waiting } from "./notices.js";
import { seriesColour, seriesDash, shade, thresholdColour } from "./palette.js";
import { Plot } from "./plots.js";
import { exactRange } from "./ranges.js";
import { change } from "./router.js";
import { Tooltip } from "./tooltips.js";
import { areaTraces, barTrace, lineTrace, plainValue, stretches } from "./traces.js";
import { format } from "./units.js";

const MANY = 12;

/** A widget of kind `chart`. */
export class Chart {
  constructor(widget, { help = "", level = 3 } = {}) {
    this.widget = widget;
    this.card = new Card(widget.title, { kind: "chart", help, level, values: () => frame(this.drawn) });
    this.card.complain(widget.problems ?? [], true);
    this.element = this.card.element;
    replace(this.card.body, waiting());
    this.plot = new Plot(`Chart: ${widget.title || "untitled"}. Its values can be had as a table.`);
    this.legend = new Legend((key) => this.light(key), () => this.plot.again());
    this.tooltip = new Tooltip(this.plot.element);
    this.plot.listeners = {
      plotly_hover: (event) => this.hover(event), plotly_unhover: () => this.unhover(),
        plotly_relayout: (event) => zoomed(event),
    };
    this.plot.after = () => this.drawnAgain();
    this.plot.failed = (error) => replace(this.card.body, noData(error.message));
    this.drawn = [];
  }

  /** Show answers; `span` are start and end of the range in milliseconds since the epoch. */
  update(answers, span) {
    const found = seriesOf(this.widget.series, answers).filter((one) => one.series.ends_s.length > 0);
    this.drawn = found.map((one, index) => ({ ...one, key: `${one.query}.${one.index}`,
      colour: seriesColour(one.series.name, index), dash: seriesDash(one.series.name, index) }));
    this.span = span;
    this.card.note(notesOf(this.widget.series, answers, this.widget.range));
    this.card.complain([...problemsOf(this.widget.series, answers), ...misfits(this.drawn)]);
    if (this.drawn.length === 0) {
      this.card.empty(this.widget.series, problemsOf(this.widget.series, answers));
      return;
    }
    if (!this.plot.element.isConnected) replace(this.card.body, this.plot.element, this.legend.element,
      this.tooltip.element);
    const hot = this.drawn.some((one) => one.plot === "heatmap" && isDistribution(one.series));
    this.legend.update(hot ? [] : this.drawn, this.far());
    this.plot.show((width, height) => (hot ? this.heat(width, height) : this.picture(width, height)));
  }

  /** Free what the chart holds. */
  remove() {
    this.plot.remove();
  }

  picture(width, height) {
    const seen = this.drawn.filter((one) => !this.legend.hidden.has(one.key));
    const parts = stretches(seen.filter((one) => one.plot === "area"));
    const traces = seen.flatMap((one) => (one.plot === "area" ? areaTraces(one, one.colour, parts)
      : one.plot === "bar" ? [barTrace(one, one.colour)] : [lineTrace(one, one.colour)]));
    const two = seen.some((one) => one.axis === "y2");
    const left = this.axis(seen, "y1", height);
    const right = two ? { ...this.axis(seen, "y2", height), overlaying: "y", side: "right", showgrid: false } : null;
    const layout = baseLayout({ l: roomFor(left), r: right ? roomFor(right) : 12, t: 8, b: 24 });
    layout.barmode = "relative";
    layout.xaxis = timeAxis(...this.stretch(), width);
    layout.yaxis = left;
    if (right) layout.yaxis2 = right;
    if (seen.length > MANY) layout.hovermode = "closest";
    Object.assign(layout, this.thresholds(layout));
    return { traces, layout };
  }

  heat(width, height) {
    const picture = heatmap(this.drawn.filter((one) => isDistribution(one.series)), height);
    this.describe = picture.describe;
    const layout = baseLayout({ l: roomFor(picture.axis), r: 12, t: 8, b: 24 });
    layout.hovermode = "closest";
    layout.xaxis = timeAxis(...this.stretch(), width);
    return { traces: picture.traces, layout: { ...layout, yaxis: picture.axis } };
  }

  /** The range that is looked at, or the widget's own. */
  stretch() {
    const own = this.widget.range;
    const [start, end] = this.span;
    if (own?.last_s) return [end - own.last_s * 1000, end];
    if (own?.start && own?.end) return [Date.parse(own.start), Date.parse(own.end)];
    return [start, end];
  }

  axis(seen, name, height) {
    const mine = seen.filter((one) => (one.axis ?? "y1") === name);
    const settings = name === "y2" ? this.widget.y2 : this.widget.y;
    const values = mine.filter((one) => one.plot === "line").flatMap(drawnValues);
    const stacked = stackedValues(mine.filter((one) => one.plot !== "line"));
    const bounds = (this.widget.thresholds ?? []).filter((one) => (one.axis ?? "y1") === name).map((one) => one.value);
    const log = settings?.scale === "log10";
    const all = [...values, ...stacked];
    const { low, high } = log ? logReach(all) : reach(all, bounds, stacked.length === 0
      && isShare(unitOf(mine[0]?.series)));
    return valueAxis({ low, high, unit: unitOf(mine[0]?.series), scale: settings?.scale, height });
  }

  thresholds(layout) {
    const shapes = [];
    const annotations = [];
    for (const one of this.widget.thresholds ?? []) {
      const axis = one.axis === "y2" ? layout.yaxis2 : layout.yaxis;
      if (!axis || !within(one.value, axis)) continue;
      const colour = shade(thresholdColour(one));
      const yref = one.axis === "y2" ? "y2" : "y";
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, yref, y0: one.value, y1: one.value,
        line: { color: colour, width: 1.2, dash: "dash" } });
      const y = axis.type === "log" ? Math.log10(one.value) : one.value;
      annotations.push({
        xref: "paper", x: 1, xanchor: "right", yref, y, yanchor: "bottom", showarrow: false,
          font: { size: 10.5, color: colour },
        text: plainText(one.label || `threshold ${format(one.value, this.unit(one.axis))}`),
      });
    }
    return { shapes, annotations };
  }

  /** Thresholds that lie outside of what is drawn are said in the legend. */
  far() {
    return ["y1", "y2"].flatMap((name) => {
      const { range, type } = this.axis(this.drawn, name, 200);
      const at = (value) => (type === "log" ? Math.log10(value) : value);
      return (this.widget.thresholds ?? []).filter((one) => (one.axis ?? "y1") === name
        && !(at(one.value) >= range[0] && at(one.value) <= range[1]))
        .map((one) => [one, at(one.value) > range[1] ? "above" : "below"])
        .map(([one, side]) => `${one.label || "threshold"}: ${format(one.value, this.unit(name))}, ${side} what is shown`);
    });
  }

  unit(axis = "y1") {
    return unitOf((this.drawn.find((one) => (one.axis ?? "y1") === (axis ?? "y1")) ?? this.drawn[0])?.series);
  }

  hover(event) {
    if (event.points[0]?.data.type === "heatmap") {
      const cell = this.describe(event.points[0]);
      if (cell) this.tooltip.tell(cell.when, [{ colour: "--heat-high", name: cell.range, value: format(cell.count) }],
        event.event);
      return;
    }
    this.tooltip.show(event, this.drawn);
    if (this.drawn.length > 1 && event.points.length === 1) this.light(event.points[0].data.meta?.key ?? null);
  }

  unhover() {
    this.tooltip.hide();
    this.light(null);
  }

  /** Bring one series to the front; null lets all be equal again. */
  light(key) {
    this.plot.element.classList.toggle("lit", key !== null);
    this.plot.element.querySelectorAll(".scatterlayer > .trace").forEach((node) => {
      node.classList.toggle("front", key !== null && node.__data__?.[0]?.trace?.meta?.key === key);
    });
    this.legend.light(key);
  }

  drawnAgain() {
    this.light(null);
  }
}

function drawnValues(one) {
  return one.series.ends_s.map((_, at) => plainValue(one.series, at)).filter((value) => value !== null);
}

/** Heights of stacks: the sum over all series at each time. */
function stackedValues(drawn) {
  const above = new Map();
  const below = new Map();
  for (const one of drawn) {
    one.series.ends_s.forEach((end, at) => {
      const value = plainValue(one.series, at) ?? 0;
      const sums = value < 0 ? below : above;
      sums.set(`${one.plot}${end}`, (sums.get(`${one.plot}${end}`) ?? 0) + value);
    });
  }
  return [...above.values(), ...below.values()];
}

function logReach(values) {
  const positive = values.filter((value) => value > 0);
  return positive.length ? { low: Math.min(...positive) / 1.2, high: Math.max(...positive) * 1.2 }
    : { low: 0, high: 1 };
}

function within(value, axis) {
  const at = axis.type === "log" ? Math.log10(value) : value;
  return at >= axis.range[0] && at <= axis.range[1];
}

/** What cannot be drawn as it was asked for. */
function misfits(drawn) {
  const text = drawn.some((one) => one.series.value_type === "string");
  const means = drawn.some((one) => one.plot !== "heatmap" && isDistribution(one.series));
  return [text ? "Values that are text cannot be drawn: see the table." : null, means
    ? "Distributions are drawn by their means." : null].filter(Boolean);
}

/** Dragging over a chart makes what was marked the time range of the page. */
function zoomed(event) {
  const from = event["xaxis.range[0]"];
  const to = event["xaxis.range[1]"];
  if (typeof from !== "number" || typeof to !== "number" || to - from < 60_000) return;
  change({ last: null, ...exactRange(Math.floor(from / 60_000) * 60_000, Math.ceil(to / 60_000) * 60_000) });
}
