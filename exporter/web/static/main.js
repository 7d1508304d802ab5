// @ts-check
/** The console: which page an address shows, and when it asks again. */

import { aborted } from "./api.js";
import { replace } from "./elements.js";
import { failure } from "./notices.js";
import { compare } from "./pages/compare.js";
import { correlate } from "./pages/correlate.js";
import { dashboard, fixed } from "./pages/dashboard.js";
import { fleet } from "./pages/fleet.js";
import { incidents } from "./pages/incidents.js";
import { open } from "./pages/open.js";
import { system } from "./pages/system.js";
import { trends } from "./pages/trends.js";
import { unknown } from "./pages/unknown.js";
import { Refresh } from "./refresh.js";
import { listen, place } from "./router.js";
import { Shell } from "./shell.js";
import { apply } from "./themes.js";

const PAGES = [
  [/^\/$/, fleet],
  [/^\/systems\/([^/]+)$/, system],
  [/^\/compare$/, compare],
  [/^\/correlate$/, correlate],
  [/^\/trends$/, trends],
  [/^\/cost$/, fixed("cost", "Cost")],
  [/^\/incidents$/, incidents],
  [/^\/exporter$/, fixed("exporter", "Exporter")],
  [/^\/open$/, open],
  [/^\/dashboards\/([^/]+)$/, dashboard],
];

const content = /** @type {HTMLElement} */ (document.getElementById("content"));
const spoken = /** @type {HTMLElement} */ (document.getElementById("spoken"));

/** Shows the page of the address; a page stays as long as its path does. */
class Console {
  constructor() {
    this.shell = new Shell(document.getElementById("shell"), () => this.refresh.now());
    this.refresh = new Refresh(() => this.load());
    this.shell.refreshControl(this.refresh);
    this.page = null;
    this.path = null;
    this.waiting = null;
  }

  /** Follow the address. */
  show() {
    const where = place();
    if (where.path !== this.path) this.enter(where);
    this.shell.update(where, this.page.title);
    document.title = `${this.page.title} · Pipelines`;
    return this.load();
  }

  enter(where) {
    const first = this.path === null;
    this.page?.leave?.();
    this.path = where.path;
    const [make, ...matched] = found(where.path);
    replace(content);
    this.page = make({ main: content, parameters: matched, title: (text) => this.rename(text) });
    if (first) return;
    window.scrollTo(0, 0);
    content.focus({ preventScroll: true });
    spoken.textContent = this.page.title;
  }

  rename(title) {
    if (!this.page) return;
    this.page.title = title;
    document.title = `${title} · Pipelines`;
    this.shell.rename(title);
  }

  /** Ask for everything on the page; what was asked before is given up. */
  async load() {
    this.waiting?.abort();
    const mine = new AbortController();
    this.waiting = mine;
    document.documentElement.classList.add("loading");
    content.setAttribute("aria-busy", "true");
    try {
      await this.page.load(place(), mine.signal);
      if (!mine.signal.aborted) this.shell.loaded();
    } catch (error) {
      if (aborted(error) || mine.signal.aborted) return;
      replace(content, failure(error, () => this.again()));
    } finally {
      if (this.waiting === mine) {
        document.documentElement.classList.remove("loading");
        content.removeAttribute("aria-busy");
      }
    }
  }

  again() {
    this.path = null;
    this.show();
  }
}

function found(path) {
  for (const [pattern, make] of PAGES) {
    const match = pattern.exec(path);
    if (match) return [make, ...match.slice(1)];
  }
  return [unknown];
}

apply();
const running = new Console();
listen(() => running.show());
running.show();
