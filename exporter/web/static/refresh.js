// @ts-check
/** Asking again every so often, while somebody looks. */

/** Choices in seconds; 0 is off. */
export const CHOICES = { 0: "Off", 30: "30 s", 60: "1 min", 300: "5 min" };

/** Calls `load` every so often; pauses while the tab is hidden, and makes up for it when it comes back. */
export class Refresh {
  constructor(load) {
    this.load = load;
    this.every_s = 0;
    this.last = Date.now();
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.schedule());
  }

  /** Choose how often, in seconds. */
  choose(seconds) {
    this.every_s = seconds;
    this.schedule();
  }

  /** Ask now; the waiting begins anew. */
  now() {
    this.last = Date.now();
    this.schedule();
    return this.load();
  }

  schedule() {
    clearTimeout(this.timer);
    if (this.every_s === 0 || document.hidden) return;
    const due = Math.max(0, this.last + this.every_s * 1000 - Date.now());
    this.timer = setTimeout(() => this.now(), due);
  }
}
