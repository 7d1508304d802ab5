// @ts-check
/** Plotly: loaded once, when the first chart wants it; charts are drawn one after another, those in view first. */

import { onThemeChange } from "./themes.js";

const SOURCE = new URL("./plotly.min.js", import.meta.url).pathname;
const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, doubleClick: false, showTips: false };
let loading = null;
let hinted = false;

/** Let the browser fetch Plotly, without running it yet: numbers and tables come first. */
export function prepare() {
  if (hinted) return;
  hinted = true;
  fetch(SOURCE, { priority: "low" }).then((answer) => answer.blob()).catch(() => {});
}

/** Plotly, or an error that says what to install. */
export function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE;
    script.addEventListener("load", () => resolve(globalThis.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      script.remove();
      reject(new Error("Charts need Plotly, which this server lacks: install the exporter with its extra 'console'. "
        + "The values are there as tables."));
    });
    document.head.append(script);
  });
  return loading;
}

const queue = new Set();
let working = false;

/** A place for a chart: keeps what is to be drawn, follows its size and the theme. */
export class Plot {
  /** `picture` makes `{traces, layout}` for a width and height in pixels whenever it is to be drawn. */
  constructor(label) {
    this.element = document.createElement("div");
    this.element.className = "plot";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
    this.picture = null;
    this.drawn = false;
    this.after = () => {};
    this.failed = () => {};
    this.size = "";
    prepare();
    plots.add(this);
    sizes.observe(this.element);
  }

  /** Draw this, soon. */
  show(picture) {
    this.picture = picture;
    this.element.removeAttribute("data-drawn");
    queue.add(this);
    work();
  }

  /** Draw again what is shown, in today's colours and size. */
  again() {
    if (this.picture) this.show(this.picture);
  }

  /** Leave nothing behind. */
  remove() {
    queue.delete(this);
    plots.delete(this);
    sizes.unobserve(this.element);
    if (this.drawn) globalThis.Plotly?.purge(this.element);
    this.drawn = false;
    this.picture = null;
  }

  async draw(Plotly) {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.picture || width === 0 || height === 0) return;
    this.size = `${width}x${height}`;
    const { traces, layout } = this.picture(width, height);
    const sized = { ...layout, width, height };
    await Plotly.react(this.element, traces, sized, CONFIG);
    if (!this.drawn) this.listen();
    this.drawn = true;
    this.element.setAttribute("data-drawn", "");
    this.after();
  }

  listen() {
    for (const [name, listener] of Object.entries(this.listeners ?? {})) this.element.on(name, listener);
  }
}

const plots = new Set();
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = [...plots].find((one) => one.element === target);
    if (plot && `${target.clientWidth}x${target.clientHeight}` !== plot.size) plot.again();
  }
});
onThemeChange(() => plots.forEach((plot) => plot.again()));

/** Draw what waits, a chart at a time, so that the page stays quick to the touch. */
async function work() {
  if (working) return;
  working = true;
  try {
    await new Promise(requestAnimationFrame);
    while (queue.size) {
      const next = [...queue].reduce(nearer);
      queue.delete(next);
      try {
        await next.draw(await library());
      } catch (error) {
        next.failed(error);
      }
      await pause();
    }
  } finally {
    working = false;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

function nearer(a, b) {
  return distance(b) < distance(a) ? b : a;
}

function distance(plot) {
  const { top, bottom } = plot.element.getBoundingClientRect();
  return bottom < 0 ? -bottom + window.innerHeight : Math.max(0, top);
}
