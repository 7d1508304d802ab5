// @ts-check
/** What surrounds every page: where one can go, which time is looked at, how often, in which light. */

import { h, iconButton, replace } from "./elements.js";
import { Jump } from "./jump.js";
import { RangePicker } from "./pickers.js";
import { CHOICES } from "./refresh.js";
import { change, pageHref } from "./router.js";
import { choose, theme, THEMES } from "./themes.js";
import { clock, zone } from "./times.js";

const LINKS = [
  ["/", "Fleet"], ["/compare", "Compare"], ["/correlate", "Correlate"], ["/trends", "Trends"], ["/cost", "Cost"],
  ["/incidents", "Incidents"], ["/exporter", "Exporter"], ["/open", "Open a dashboard"],
];

/** The bar at the top; `again` asks for everything once more. */
export class Shell {
  constructor(header, again) {
    this.links = LINKS.map(([path, text]) => [path, h("a", { href: path }, text)]);
    this.menu = h("ul", { id: "pages" }, this.links.map(([, link]) => h("li", {}, link)));
    this.toggle = iconButton("menu", "Pages", () => this.fold(!this.menu.classList.contains("open")),
      { class: "icon menu-button", "aria-expanded": "false", "aria-controls": "pages" });
    this.jump = new Jump();
    this.heading = h("h1", {}, "");
    this.updated = h("span", { class: "updated" });
    this.range = new RangePicker((range) => change({ last: null, start: null, end: null, ...range }));
    this.every = h("span", { class: "every" });
    this.bar = h("div", { class: "context" }, this.heading,
      h("div", { class: "controls" }, this.updated, this.range.element, this.every,
        iconButton("refresh", "Refresh now", again)));
    replace(header,
      h("div", { class: "top" },
        h("a", { href: "/", class: "brand" }, h("img",
          { src: new URL("./icon.svg", import.meta.url).pathname, alt: "", width: 20, height: 20 }),
          "Pipelines"),
        this.toggle,
        h("nav", { "aria-label": "Pages" }, this.menu),
        this.jump.element,
        h("label", { class: "labelled theme" }, h("span", { class: "theme-name" }, "Theme"), select("Theme", THEMES, theme(), choose))),
      this.bar);
    setInterval(() => this.tick(), 10_000);
  }

  /** Offer how often to ask. */
  refreshControl(refresh) {
    replace(this.every, select("Refresh", CHOICES, "0", (value) => refresh.choose(Number(value)), "Refresh: "));
  }

  /** Follow the address. */
  update(where, title) {
    for (const [path, link] of this.links) {
      link.setAttribute("href", pageHref(path));
      const here = path === where.path || (path === "/" && where.path.startsWith("/systems/"));
      if (path === where.path) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      link.classList.toggle("within", here);
    }
    this.fold(false);
    this.range.update(where.range);
    this.rename(title);
  }

  /** Name the page. */
  rename(title) {
    this.heading.textContent = title;
  }

  /** Everything was answered just now. */
  loaded() {
    this.at = Date.now();
    this.tick();
  }

  tick() {
    if (this.at) this.updated.textContent = `updated ${clock(Math.floor(this.at / 60000) * 60000)} · ${zone()}`;
  }

  fold(isOpen) {
    this.menu.classList.toggle("open", isOpen);
    this.toggle.setAttribute("aria-expanded", String(isOpen));
  }
}

/** A choice of a few; `before` is what stands before each of them. */
export function select(label, choices, chosen, change, before = "") {
  const options = Object.entries(choices)
    .map(([value, text]) => h("option", { value, selected: value === String(chosen) }, before + text));
  return h("select", { "aria-label": label, class: "field", on: { change: (event) => change(event.target.value) } },
    options);
}
