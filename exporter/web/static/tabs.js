// @ts-check
/** Tabs, as ARIA has them: arrows move between them. */

import { h } from "./elements.js";

/** A list of tabs and one panel; `choose` is called with the name of the one that is wanted. */
export class Tabs {
  constructor(label, names, choose) {
    this.buttons = new Map(Object.entries(names).map(([name, text]) => [name, h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-panel", on: { click: () => choose(name) },
    }, text)]));
    this.element = h("div", { class: "tabs", role: "tablist", "aria-label": label,
      on: { keydown: (event) => this.key(event) } }, [...this.buttons.values()]);
    this.panel = h("div", { role: "tabpanel", id: "tab-panel" });
  }

  /** Mark the tab that is shown. */
  show(name) {
    for (const [one, button] of this.buttons) {
      button.setAttribute("aria-selected", String(one === name));
      button.setAttribute("tabindex", one === name ? "0" : "-1");
    }
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...this.buttons.values()];
    const here = all.findIndex((button) => button === document.activeElement);
    const next = all[(here + step + all.length) % all.length];
    event.preventDefault();
    next.focus();
    next.click();
  }
}
