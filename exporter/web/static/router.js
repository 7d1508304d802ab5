// @ts-check
/** The address says what is shown: pages by path, everything else (range, filters, measures) by parameters. */

import { rangeOf, rangeParameters, tidied } from "./ranges.js";

let changed = () => {};

/** Where we are: path, parameters and time range. */
export function place() {
  const given = new URLSearchParams(location.search);
  const query = tidied(given);
  if (query.size !== given.size) history.replaceState(null, "", withQuery(location.pathname, query));
  return { path: decodedPath(), query, range: rangeOf(query) };
}

/** Call `listener` whenever the address changes, and take over clicks on links to pages. */
export function listen(listener) {
  changed = listener;
  window.addEventListener("popstate", () => changed());
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || !ours(link, event)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/** Go to another address of the console; `replace` leaves no way back to this one. */
export function go(href, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  changed();
}

/** Change parameters of the address: null takes one away, lists repeat it. */
export function change(parameters, options = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parameters)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== "") query.append(name, one);
  }
  go(withQuery(location.pathname, query), options);
}

/** Address of a page that keeps the time range; `more` are further parameters. */
export function pageHref(path, more = {}) {
  const query = rangeParameters(new URLSearchParams(location.search));
  for (const [name, value] of Object.entries(more)) if (value !== null && value !== undefined) query.set(name, value);
  return withQuery(path, query);
}

/** Address of a system's page. */
export function systemHref(id) {
  return pageHref(`/systems/${encodeURIComponent(id)}`);
}

/** Address of a path with readable parameters: colons stay colons. */
export function withQuery(path, query) {
  const text = query.toString().replaceAll("%3A", ":");
  return text ? `${path}?${text}` : path;
}

function decodedPath() {
  try {
    return location.pathname.split("/").map(decodeURIComponent).join("/");
  } catch {
    return location.pathname;
  }
}

function ours(link, event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey
    || event.altKey) return false;
  if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return false;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return false;
  return !/^\/(api|static|metrics|healthz|readyz|openapi\.json)(\/|$)/.test(link.pathname);
}
