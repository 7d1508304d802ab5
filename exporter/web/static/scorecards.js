// @ts-check
/** One number, large, with its colour by threshold, and how it came to be. */

import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { frame, notesOf, problemsOf, seriesOf } from "./frames.js";
import { textOf } from "./meanings.js";
import { waiting } from "./notices.js";
import { crossed, thresholdColour } from "./palette.js";
import { gauge, spark } from "./sparks.js";
import { moment, zone } from "./times.js";
import { plainValue } from "./traces.js";

/** A picture of fewer points says nothing. */
const FEW = 3;

/** A widget of kind `scorecard`. */
export class Scorecard {
  constructor(widget, { help = "", level = 3 } = {}) {
    this.widget = widget;
    this.entries = widget.query ? [{ query: widget.query }] : [];
    this.card = new Card(widget.title, { kind: "scorecard", help, level, values: () => frame(this.drawn) });
    this.card.complain(widget.problems ?? [], true);
    this.element = this.card.element;
    replace(this.card.body, waiting());
    this.drawn = [];
  }

  /** Show the newest value. */
  update(answers, span) {
    this.drawn = seriesOf(this.entries, answers).filter((one) => one.series.ends_s.length > 0);
    const several = this.drawn.length > 1
      ? [`There are ${this.drawn.length} series; this is ${this.drawn[0].series.name}.`] : [];
    this.card.note(notesOf(this.entries, answers, this.widget.range));
    this.card.complain([...problemsOf(this.entries, answers), ...several]);
    const first = this.drawn[0];
    if (!first) {
      this.mark(null);
      this.card.empty(this.entries, problemsOf(this.entries, answers));
      return;
    }
    const { series, answer } = first;
    const newest = series.ends_s.length - 1;
    const raw = series.value_type === "string" ? series.values[newest] : plainValue(series, newest);
    const over = crossed(raw, this.widget.thresholds);
    this.mark(over);
    const colour = over ? thresholdColour(over) : "--accent";
    replace(this.card.body,
      this.widget.gauge && typeof raw === "number" ? gauge(raw, this.widget.gauge, this.widget.thresholds, colour)
        : null,
      h("p", { class: "figure" }, ...figure(textOf(raw, series))),
      h("p", { class: "as-of" }, over?.label ? h("strong", { class: "over" }, over.label, " · ") : null,
        h("time", { title: zone() }, moment(series.ends_s[newest] * 1000))),
      this.widget.spark && series.ends_s.length >= FEW ? spark(series, answer.step_s, span, this.widget.spark) : null);
  }

  /** Nothing is held. */
  remove() {}

  mark(over) {
    if (over) this.element.setAttribute("data-colour", over.color ?? "none");
    else this.element.removeAttribute("data-colour");
  }
}

/** The numbers large, their units smaller. */
function figure(text) {
  if (!/\d/.test(text)) return [text];
  return text.split(/([−$]*\d[\d.,]*)/)
    .map((part, at) => (at % 2 ? part : part && h("span", { class: "figure-unit" }, part)));
}
