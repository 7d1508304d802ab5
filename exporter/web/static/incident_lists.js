// @ts-check
/** Incidents, grouped by what they have in common; the members of a group are folded into it. */

import { h } from "./elements.js";
import { systemHref } from "./router.js";
import { length, moment, zone } from "./times.js";

/** A list of groups. */
export function groupsOf(groups) {
  return h("ul", { class: "incident-groups" }, groups.map((group) => h("li", {}, groupOf(group))));
}

function groupOf(group) {
  const open = !group.end;
  const common = Object.entries(group.cause ?? {}).filter(([, value]) => value)
    .map(([name, value]) => `${name} ${value}`).join(", ");
  return h("details", { id: `incident-${group.id}`, class: `incident ${open ? "open" : "over"} ${worst(group)}` },
    h("summary", {},
      h("span", { class: `health ${open ? worst(group) : "past"}` }, open ? "open" : "over"),
      h("span", { class: "incident-title" }, group.title),
      h("span", { class: "incident-when" }, when(group.start, group.end))),
    h("p", { class: "hint" }, `${group.systems} ${group.systems === 1 ? "system" : "systems"}`, common
      ? ` · in common: ${common}` : ""),
    h("ul", { class: "members" }, group.incidents.map(member)));
}

function member(incident) {
  return h("li", {},
    incident.system ? h("a", { href: systemHref(incident.system) }, incident.system) : h("span", {}, "fleet"),
    h("span", { class: "what" }, incident.what, incident.policy ? ` (policy ${incident.policy})` : ""),
    h("span", { class: "incident-when" }, when(incident.start, incident.end)));
}

function when(start, end) {
  const from = Date.parse(start);
  const text = end ? `${moment(from)}, ${length(Date.parse(end) - from)}` : `since ${moment(from)}`;
  return h("time", { datetime: start, title: zone(from) }, text);
}

function worst(group) {
  return group.incidents.some((one) => /fail|critical|error/i.test(one.severity ?? "")) ? "failing" : "degraded";
}
