// @ts-check
/** Elements made from data: text is always inserted as text, never parsed. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element; `on` holds listeners, `css` properties, everything else is an attribute (true: bare, null and
 * false: left out).
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element, as `h` makes HTML. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Put `children` in place of everything that is in `parent`. */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(shown));
  return parent;
}

/** HTML that the server made safe; the only place where text becomes markup. */
export function sanitised(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** A button with an icon, whose `label` is what people who do not see it hear. */
export function iconButton(name, label, click, more = {}) {
  return h("button", { type: "button", class: "icon", "aria-label": label, title: label, on: { click }, ...more },
    icon(name));
}

const SHAPES = {
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6",
  download: "M8 2v8M4.8 7 8 10.2 11.2 7M3 13.5h10",
  help: "M6 6.2a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1v.4M8 11.6v.2",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M4 4l8 8M12 4l-8 8",
  fold: "M4 6l4 4 4-4",
  search: "M7 2.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4zM10.2 10.2l3.3 3.3",
};

/** A line icon of 16 by 16, hidden from those who listen. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", class: "icon-shape", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: SHAPES[name] }));
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "css") for (const [property, text] of Object.entries(value)) element.style.setProperty(property,
      text);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.flat(3).filter(shown));
  return element;
}

function shown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}
