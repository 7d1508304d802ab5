// @ts-check
/** Light, dark, or as the system has it. Where nothing can be remembered, the choice holds as long as the page. */

const KEY = "console-theme";
const listeners = new Set();
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Choices, in the order in which they are offered. */
export const THEMES = { system: "System", light: "Light", dark: "Dark" };

let chosen = remembered();

/** The choice: system, light or dark. */
export function theme() {
  return chosen;
}

/** Choose a theme, and remember it where that is possible. */
export function choose(name) {
  chosen = name in THEMES ? name : "system";
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // Storage may be forbidden: the page works without it.
  }
  apply();
}

/** Call `listener` after colours changed. */
export function onThemeChange(listener) {
  listeners.add(listener);
}

/** Apply the choice to the page. */
export function apply() {
  const root = document.documentElement;
  if (chosen === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", chosen);
  resolved.clear();
  for (const listener of listeners) listener();
}

dark.addEventListener("change", apply);

const resolved = new Map();

/** The colour that a custom property (`--accent`) has now. */
export function colour(property) {
  const known = resolved.get(property);
  if (known) return known;
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  resolved.set(property, value);
  return value;
}

function remembered() {
  try {
    const name = localStorage.getItem(KEY);
    return name && name in THEMES ? name : "system";
  } catch {
    return "system";
  }
}
