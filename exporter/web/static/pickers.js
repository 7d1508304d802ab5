// @ts-check
/** Choosing a time range. */

import { h, replace } from "./elements.js";
import { customRange, PRESETS, rangeName, spanOf } from "./ranges.js";
import { toLocal, zone } from "./times.js";

/** Buttons of usual ranges, and two fields for any other. */
export class RangePicker {
  constructor(chosen) {
    this.chosen = chosen;
    this.buttons = PRESETS.map((last) => h("button", { type: "button", on: { click: () => this.choose({ last }) } },
      last));
    this.custom = h("button", { type: "button", "aria-expanded": "false", "aria-haspopup": "dialog",
      on: { click: () => this.toggle() } }, "Custom");
    this.from = h("input", { type: "datetime-local", class: "field", required: true });
    this.to = h("input", { type: "datetime-local", class: "field", required: true });
    this.said = h("p", { class: "said", role: "alert" });
    this.offset = h("p", { class: "hint" });
    this.form = h("form", { class: "popover", hidden: true, "aria-label": "Custom time range",
      on: { submit: (event) => this.submit(event) } },
      h("label", {}, "From", this.from), h("label", {}, "To", this.to), this.offset, this.said,
      h("button", { class: "button primary" }, "Show"));
    this.element = h("div", { class: "range" },
      h("div", { class: "segments", role: "group", "aria-label": "Time range" }, this.buttons, this.custom), this.form);
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.form.hidden) {
        this.toggle(false);
        this.custom.focus();
      }
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.form.hidden && !this.element.contains(/** @type {Node} */ (event.target))) this.toggle(false);
    });
  }

  /** Show which range is chosen. */
  update(range) {
    this.range = range;
    this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(range.last === PRESETS[index])));
    const usual = PRESETS.includes(range.last);
    this.custom.setAttribute("aria-pressed", String(!usual));
    replace(this.custom, usual ? "Custom" : rangeName(range));
    this.toggle(false);
  }

  choose(range) {
    this.toggle(false);
    this.chosen(range);
  }

  toggle(isOpen = this.form.hidden) {
    this.form.hidden = !isOpen;
    this.custom.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    const [start, end] = spanOf(this.range);
    this.from.value = toLocal(start);
    this.to.value = toLocal(end);
    this.said.textContent = "";
    this.offset.textContent = `Times of your zone, ${zone()}`;
    this.from.focus();
  }

  submit(event) {
    event.preventDefault();
    const { range, problem } = customRange(this.from.value, this.to.value);
    if (problem) this.said.textContent = problem;
    else this.choose(range);
  }
}
