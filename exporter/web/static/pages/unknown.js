// @ts-check
/** What an address says that is no page. */

import { h, replace } from "../elements.js";

/** Says so, and shows a way out. */
export function unknown({ main }) {
  replace(main, h("div", { class: "failure" }, h("strong", {}, "There is no such page"),
    h("p", {}, "The address is mistyped, or belongs to another version."),
    h("a", { href: "/", class: "button" }, "To the fleet")));
  return { title: "Not found", load: async () => {} };
}
