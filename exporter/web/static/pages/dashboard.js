// @ts-check
/** Pages that show one dashboard. */

import { Board, StoredSource } from "../boards.js";
import { replace } from "../elements.js";

/** `/dashboards/{name}`. */
export function dashboard({ main, parameters, title }) {
  return shown(main, parameters[0], "Dashboard", title);
}

/** A page of its own for the dashboard of that name. */
export function fixed(name, heading) {
  return ({ main }) => shown(main, name, heading, () => {});
}

function shown(main, name, heading, titled) {
  const board = new Board(new StoredSource(name), { titled });
  replace(main, board.element);
  return { title: heading, load: (place, signal) => board.load(place, signal), leave: () => board.leave() };
}
