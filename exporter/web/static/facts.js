// @ts-check
/** What a system is: its health, and where its parts are. */

import { h, replace } from "./elements.js";
import { ago, moment } from "./times.js";
import { format } from "./units.js";

const NAMES = {
  topic: "Topic", subscription: "Subscription", table: "Table", view: "View", api: "API", owner: "Owner",
    window: "Window", interval: "Interval",
  window_s: "Window", interval_s: "Interval", dead_letter_subscription: "Dead letters", tier: "Tier",
    project: "Project", location: "Location", dataset: "Dataset",
};

/** The head of a system's page. */
export class Facts {
  constructor() {
    this.element = h("section", { class: "facts", "aria-label": "About this system" });
  }

  /** Show a system's glance. */
  update(system) {
    const open = this.element.querySelector("details")?.open ?? false;
    const asOf = system.as_of ? Date.parse(system.as_of) : null;
    replace(this.element,
      h("p", { class: "summary" },
        h("span", { class: `health ${system.health}` }, system.health),
        fact("Owner", system.owner), fact("Tier", system.tier),
          fact("Place", [system.project, system.location, system.dataset].filter(Boolean).join(" · ")),
        fact("Newest point", asOf === null ? "none" : `${moment(asOf)} (${ago(asOf)})`)),
      h("details", { open }, h("summary", {}, "Configuration"), configuration(system.configuration ?? {})));
  }
}

function fact(name, text) {
  return text ? h("span", { class: "fact" }, h("span", { class: "fact-name" }, name), text) : null;
}

function configuration(values) {
  const rows = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object") rows.push(...Object.entries(value)
      .map(([part, inner]) => [`${title(name)}: ${title(part)}`, text(part, inner)]));
    else rows.push([title(name), text(name, value)]);
  }
  return h("dl", { class: "configuration" }, rows.filter(([, value]) => value !== "")
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

const title = (name) => NAMES[name] ?? words(name.replace(/_(s|usd)$/, ""));
const words = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

function text(name, value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && /_s$/.test(name)) return format(value, "s");
  if (typeof value === "number" && /_usd$/.test(name)) return format(value, "{USD}");
  if (typeof value === "number" && /(target|ratio)$/.test(name)) return format(value, "10^2.%");
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value === "object") return Object.entries(value)
    .map(([part, inner]) => `${title(part)} ${text(part, inner)}`).join(", ");
  return String(value);
}
