// @ts-check
/** All systems at a glance, by health, the worst first; small enough to see fifty at once. */

import { h, replace } from "./elements.js";
import { noData, problems } from "./notices.js";
import { systemHref } from "./router.js";
import { SortableTable, systemLink } from "./tables.js";
import { format } from "./units.js";

/** States of health, the worst first. */
export const HEALTHS = ["failing", "degraded", "unknown", "healthy"];

const COLUMNS = [
  ["health", "Health", null], ["owner", "Owner", null], ["tier", "Tier", null], ["latency_p95_s", "p95", "s"],
    ["data_age_s", "Data age", "s"],
  ["error_ratio", "Failed", "10^2.%"], ["backlog_messages", "Backlog", "{message}"],
    ["published_per_s", "Published", "1/s"],
  ["delivered_per_s", "Delivered", "1/s"], ["cost_per_message_usd", "Cost per message", "{USD}/{message}"],
];

/** The panel at the top of the fleet's page. */
export class Glances {
  constructor() {
    this.systems = [];
    this.wanted = "";
    this.counts = h("div", { class: "health-counts" });
    this.search = h("input", { type: "search", class: "field", placeholder: "Filter by name, owner, tier, place",
      "aria-label": "Filter systems",
      on: { input: () => { this.wanted = this.search.value.trim().toLowerCase(); this.draw(); } } });
    this.asTable = h("button", { type: "button", class: "button", "aria-pressed": "false",
      on: { click: () => this.toggle() } }, "As a table");
    this.list = h("div", { class: "glance-list" });
    this.table = new SortableTable("Systems with their newest numbers", { sort: null });
    this.said = h("div", {});
    this.element = h("section", { class: "card glances", "aria-label": "Systems by health" },
      h("div", { class: "card-head" }, h("h2", {}, "Systems"), this.counts,
        h("div", { class: "card-actions" }, this.search, this.asTable)),
      this.said, h("p", { class: "hint inside" },
        "The number of a system is the p95 latency of its newest window; of one that is not well, what stands out."),
      this.list);
  }

  /** Show systems. */
  update({ systems, problem }) {
    this.systems = [...systems].sort((a, b) => HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health)
      || a.id.localeCompare(b.id, "en", { numeric: true }));
    replace(this.said, problems([problem]));
    const count = (health) => systems.filter((one) => one.health === health).length;
    replace(this.counts, HEALTHS.filter(count)
      .map((health) => h("span", { class: `health ${health}` }, `${count(health)} ${health}`)));
    this.draw();
  }

  toggle() {
    const on = this.asTable.getAttribute("aria-pressed") !== "true";
    this.asTable.setAttribute("aria-pressed", String(on));
    this.draw();
  }

  draw() {
    const fits = (one) => [one.id, one.owner, one.tier, one.project, one.location, one.dataset,
      one.health].some((text) => String(text ?? "").toLowerCase().includes(this.wanted));
    const shown = this.systems.filter(fits);
    if (this.systems.length === 0) replace(this.list, noData("No systems"));
    else if (shown.length === 0) replace(this.list, noData("No system fits"));
    else if (this.asTable.getAttribute("aria-pressed") === "true") this.drawTable(shown);
    else replace(this.list, h("ul", { class: "chips" }, shown.map((one) => h("li", {}, chip(one)))));
  }

  drawTable(shown) {
    const columns = [{ title: "System", label: true, show: systemLink }, ...COLUMNS.map(([name, title, unit]) => ({
      title, unit: unit ?? "1", ...(name === "health"
        ? { show: (health) => h("span", { class: `health ${health}` }, health) } : {}),
    }))];
    this.table.update(columns, shown.map((one) => [one.id, ...COLUMNS.map(([name]) => one[name])]));
    if (!this.table.element.isConnected) replace(this.list, this.table.element);
  }
}

function chip(one) {
  const symptom = symptomOf(one);
  return h("a", { href: systemHref(one.id), class: `chip ${one.health}`, title: `${one.id}: ${one.health}` },
    h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "name" }, one.id),
      h("span", { class: "unseen" }, `, ${one.health}`),
    h("span", { class: symptom ? "value symptom" : "value" }, symptom ?? format(one.latency_p95_s, "s")));
}

/** The number that says most about what is wrong with a system that is not well; null where none stands out. */
function symptomOf(one) {
  if (one.health !== "failing" && one.health !== "degraded") return null;
  if (one.error_ratio > 0.01) return `${format(one.error_ratio, "10^2.%")} failed`;
  if (one.backlog_age_s > 600) return `${format(one.backlog_age_s, "s")} behind`;
  return null;
}
