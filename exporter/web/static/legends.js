// @ts-check
/** Which colour is which series; a click hides one, and pointing at one brings it to the front. */

import { h, replace } from "./elements.js";
import { textOf } from "./meanings.js";

/** More entries than this nobody reads, and thousands stall a browser. */
const MOST = 60;

/** A legend; `light` gets the key that is pointed at, `redraw` is called when something was hidden. */
export class Legend {
  constructor(light, redraw) {
    this.pointed = light;
    this.redraw = redraw;
    this.hidden = new Set();
    this.buttons = new Map();
    this.list = h("ul", {});
    this.notes = h("p", { class: "legend-note" });
    this.element = h("div", { class: "legend" }, this.list, this.notes);
  }

  /** Show the series, each with its newest value, and notes. */
  update(drawn, notes = []) {
    const focused = [...this.buttons].find(([, button]) => button === document.activeElement)?.[0];
    this.buttons.clear();
    replace(this.list, drawn.slice(0, MOST).map((one) => h("li", {}, this.button(one))),
      drawn.length > MOST ? h("li", { class: "legend-note" }, `and ${drawn.length - MOST} more: see the table`) : null);
    this.notes.textContent = notes.join(" · ");
    this.notes.hidden = notes.length === 0;
    this.element.hidden = drawn.length === 0;
    this.buttons.get(focused)?.focus();
  }

  /** Mark the series that is in front. */
  light(key) {
    for (const [one, button] of this.buttons) button.classList.toggle("front", one === key);
  }

  button(one) {
    const value = one.series.value_type === "distribution" ? ""
      : textOf(one.series.values.at(-1), one.series, { words: false });
    const button = h("button", {
      type: "button", "aria-pressed": String(!this.hidden.has(one.key)),
        title: `Show or hide ${one.series.name || "this series"}`,
      on: {
        click: () => this.toggle(one.key), pointerenter: () => this.pointed(one.key),
          pointerleave: () => this.pointed(null),
        focus: () => this.pointed(one.key), blur: () => this.pointed(null),
      },
    }, h("span", { class: `swatch ${one.dash ?? "solid"}`, css: { background: `var(${one.colour})` } }),
      h("span", { class: "name" }, one.series.name || "value"),
    h("span", { class: "value" }, value));
    this.buttons.set(one.key, button);
    return button;
  }

  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.buttons.get(key)?.setAttribute("aria-pressed", String(!this.hidden.has(key)));
    this.redraw();
  }
}
