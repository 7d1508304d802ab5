// @ts-check
/** `/systems/{id}`: a system's dashboard, its configuration, its messages and its dead letters. */

import { get } from "../api.js";
import { Board, StoredSource } from "../boards.js";
import { DeadLetters } from "../dead_letters.js";
import { replace } from "../elements.js";
import { Facts } from "../facts.js";
import { Messages } from "../messages.js";
import { failure } from "../notices.js";
import { change } from "../router.js";
import { Tabs } from "../tabs.js";

/** The page of a system. */
export function system({ main, parameters }) {
  const id = parameters[0];
  const facts = new Facts();
  const board = new Board(new StoredSource(`system-${id}`), { only: id });
  const path = `/api/systems/${encodeURIComponent(id)}`;
  const parts = { dashboard: board, messages: new Messages(path), "dead-letters": new DeadLetters(path) };
  const tabs = new Tabs("Parts of this page", { dashboard: "Dashboard", messages: "Messages",
    "dead-letters": "Dead letters" },
    (name) => change({ tab: name === "dashboard" ? null : name }));
  const panel = tabs.panel;
  replace(main, facts.element, tabs.element, panel);
  const glance = async (signal) => {
    try {
      facts.update(await get(path, {}, signal));
    } catch (error) {
      if (!signal.aborted) replace(facts.element, failure(error, () => change({}, { replace: true })));
    }
  };
  return {
    title: id,
    load(place, signal) {
      const name = place.query.get("tab") in parts ? place.query.get("tab") : "dashboard";
      tabs.show(name);
      const part = parts[name];
      if (part.element.parentNode !== panel) replace(panel, part.element);
      return Promise.all([glance(signal), part.load(place, signal)]);
    },
    leave: () => board.leave(),
  };
}

