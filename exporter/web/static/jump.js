// @ts-check
/** Going to a system or a dashboard by typing a part of its name; the key `/` leads here. */

import { get } from "./api.js";
import { h, icon, replace } from "./elements.js";
import { go, pageHref, systemHref } from "./router.js";

const MOST = 12;

/** A field with a list of what fits (the combobox pattern of ARIA). */
export class Jump {
  constructor() {
    this.list = h("ul", { id: "jump-list", role: "listbox", "aria-label": "Systems and dashboards", hidden: true });
    this.input = h("input", {
      type: "text", role: "combobox", "aria-label": "Go to a system (key /)", placeholder: "Go to a system",
        autocomplete: "off", spellcheck: "false",
      "aria-expanded": "false", "aria-controls": "jump-list", "aria-autocomplete": "list", class: "field",
      on: {
        input: () => this.offer(), focus: () => this.offer(), keydown: (event) => this.key(event),
        blur: () => setTimeout(() => this.close(), 150),
      },
    });
    this.element = h("div", { class: "jump", role: "search" }, icon("search"), this.input,
      h("kbd", { "aria-hidden": "true" }, "/"), this.list);
    this.found = [];
    this.chosen = 0;
    document.addEventListener("keydown", (event) => this.summon(event));
  }

  summon(event) {
    const typing = event.target instanceof Element
      && event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }

  async offer() {
    this.places ??= get("/api/dashboards").then(({ dashboards }) => dashboards.map(placeOf), () => []);
    const places = await this.places;
    if (places.length === 0) this.places = undefined;
    if (document.activeElement !== this.input) return;
    const wanted = this.input.value.trim().toLowerCase();
    this.found = places.filter((one) => one.text.toLowerCase().includes(wanted)).sort(byFit(wanted)).slice(0, MOST);
    this.chosen = 0;
    this.draw();
  }

  draw() {
    const rows = this.found.map((one, index) => h("li", {
      role: "option", id: `jump-${index}`, "aria-selected": String(index === this.chosen),
      on: { pointerdown: (event) => { event.preventDefault(); this.follow(index); } },
    }, one.text));
    replace(this.list, rows.length ? rows : h("li",
      { class: "hint", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "Nothing fits"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    if (rows.length) this.input.setAttribute("aria-activedescendant", `jump-${this.chosen}`);
    else this.input.removeAttribute("aria-activedescendant");
    this.list.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found.length) {
      event.preventDefault();
      this.chosen = (this.chosen + step + this.found.length) % this.found.length;
      this.draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.follow(this.chosen);
    } else if (event.key === "Escape") {
      this.close();
      this.input.blur();
    }
  }

  follow(index) {
    const one = this.found[index];
    if (!one) return;
    this.input.value = "";
    this.close();
    this.input.blur();
    go(one.href());
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

function placeOf(dashboard) {
  if (dashboard.system) return { text: dashboard.system, href: () => systemHref(dashboard.system) };
  return { text: dashboard.title || dashboard.name,
    href: () => pageHref(`/dashboards/${encodeURIComponent(dashboard.name)}`) };
}

function byFit(wanted) {
  const begins = (one) => (one.text.toLowerCase().startsWith(wanted) ? 0 : 1);
  return (a, b) => begins(a) - begins(b) || a.text.localeCompare(b.text, "en", { numeric: true });
}
