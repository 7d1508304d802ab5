// @ts-check
/** `/incidents`: what went wrong, grouped by what the systems have in common. */

import { get } from "../api.js";
import { h, replace } from "../elements.js";
import { groupsOf } from "../incident_lists.js";
import { failure, noData, problems, waiting } from "../notices.js";
import { change } from "../router.js";

/** The page of incidents. */
export function incidents({ main }) {
  const note = h("p", { class: "lead" });
  const list = h("div", {}, waiting());
  replace(main, note, list);
  return {
    title: "Incidents",
    async load({ range }, signal) {
      try {
        const answer = await get("/api/incidents", range, signal);
        const open = answer.groups.filter((group) => !group.end);
        const over = answer.groups.filter((group) => group.end);
        const folded = new Set([...list.querySelectorAll("details[open]")].map((one) => one.id));
        note.textContent = answer.note;
        replace(list, problems([answer.problem]),
          section(`Open now (${open.length})`, open, "Nothing is open."),
            section(`Over (${over.length})`, over, "Nothing was over in this range."));
        for (const id of folded) list.querySelector(`details[id="${CSS.escape(id)}"]`)?.setAttribute("open", "");
      } catch (error) {
        if (signal.aborted) throw error;
        replace(list, failure(error, () => change({}, { replace: true })));
      }
    },
  };
}

function section(heading, groups, empty) {
  return h("section", { class: "card incidents" }, h("div", { class: "card-head" }, h("h2", {}, heading)),
    h("div", { class: "card-body" }, groups.length ? groupsOf(groups) : noData(empty)));
}
