// @ts-check
/** `/`: all systems by health, and the dashboard of the fleet. */

import { get } from "../api.js";
import { Board, StoredSource } from "../boards.js";
import { replace } from "../elements.js";
import { Glances } from "../glances.js";
import { problems } from "../notices.js";

/** The page of the fleet. */
export function fleet({ main }) {
  const glances = new Glances();
  const board = new Board(new StoredSource("fleet"));
  replace(main, glances.element, board.element);
  const seen = async (signal) => {
    try {
      glances.update(await get("/api/systems", {}, signal));
    } catch (error) {
      if (!signal.aborted) replace(glances.said, problems([error.detail ?? "The systems could not be read."]));
    }
  };
  return {
    title: "Fleet",
    load: (place, signal) => Promise.all([seen(signal), board.load(place, signal)]),
    leave: () => board.leave(),
  };
}
