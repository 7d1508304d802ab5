// @ts-check
/** Widgets about incidents and alerts; they ask for themselves, for no query brings these. */

import { get } from "./api.js";
import { Card } from "./cards.js";
import { h, replace } from "./elements.js";
import { groupsOf } from "./incident_lists.js";
import { noData, problems, waiting } from "./notices.js";
import { rangeOf } from "./ranges.js";
import { pageHref } from "./router.js";

const asking = new Map();

/** A widget of kind `incidents`: what is open, and what was. */
export class IncidentWidget {
  constructor(widget, { level = 3, only = null } = {}) {
    this.card = new Card(widget.title, { kind: "incidents", level });
    this.card.complain(widget.problems ?? [], true);
    this.jobs = only ? [only] : (widget.resources ?? []).map((one) => one.labels?.job).filter(Boolean);
    this.element = this.card.element;
    this.loading = null;
    replace(this.card.body, waiting());
  }

  /** Ask at once: answers of queries say nothing about incidents, and need not be waited for. */
  early() {
    this.loading = this.ask();
    return this.loading;
  }

  /** Done when the incidents are shown; asks again unless that was begun. */
  update() {
    const asked = this.loading ?? this.ask();
    this.loading = null;
    return asked;
  }

  async ask() {
    try {
      const answer = await shared();
      const groups = this.jobs.length ? answer.groups.map((group) => narrowed(group, this.jobs))
        .filter((group) => group.incidents.length) : answer.groups;
      const open = groups.filter((group) => !group.end);
      const list = open.length ? groupsOf(open) : noData(groups.length
        ? `Nothing is open; ${groups.length} over in this range` : "No incidents in this range");
      replace(this.card.body, h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Incidents" },
        list,
        h("p", { class: "hint" }, answer.note, " ", h("a", { href: pageHref("/incidents") }, "All incidents"))));
      this.card.complain([answer.problem].filter(Boolean));
    } catch (error) {
      replace(this.card.body, problems([error.detail ?? "Incidents could not be read."]));
    }
  }

  /** Nothing is held. */
  remove() {}
}

/** A widget of kind `alert`: names the policy; its conditions are drawn by Cloud Monitoring. */
export class AlertWidget extends IncidentWidget {
  constructor(widget, context) {
    super({ ...widget, title: widget.title || "Alert" }, context);
    this.card.complain([...(widget.problems ?? []), widget.policy
      ? `The chart of the alert policy ${widget.policy} is drawn by Cloud Monitoring only; these are the incidents.`
      : "The chart of an alert policy is drawn by Cloud Monitoring only; these are the incidents."], true);
  }
}

/** Several widgets of a page ask once. */
function shared() {
  const range = rangeOf(new URLSearchParams(location.search));
  const key = JSON.stringify(range);
  if (!asking.has(key)) {
    const asked = get("/api/incidents", range);
    asking.set(key, asked);
    asked.finally(() => setTimeout(() => asking.delete(key), 2000)).catch(() => {});
  }
  return asking.get(key);
}

/** A group with the incidents of some systems only; those of the whole fleet have the job `fleet`. */
function narrowed(group, jobs) {
  const incidents = group.incidents.filter((one) => jobs.includes(one.system ?? "fleet"));
  const end = incidents.some((one) => !one.end) ? null : group.end ?? incidents.at(-1)?.end;
  return { ...group, incidents, end, systems: new Set(incidents.map((one) => one.system)).size };
}
