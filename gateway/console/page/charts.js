// Three small charts of the engine's load: a point every two seconds, for two minutes.

import { byId } from "./dom.js";
import { look } from "./gateway.js";

const EVERY_MS = 2000;
const POINTS = 60;
const number = (digits) => (value) => value.toFixed(digits);
const CHARTS = {
  tokens: { of: (now, before) => rate(now, before), say: number(1), atLeast: 10 },
  running: { of: (now) => now.running, say: number(0), atLeast: 4 },
  waiting: { of: (now) => (now.waiting === null ? null : now.waiting + now.queued), say: number(0), atLeast: 4 },
};

function rate(now, before) {
  if (now.generated_tokens === null || !before || before.generated_tokens === null) return null;
  const seconds = now.time - before.time;
  const tokens = now.generated_tokens - before.generated_tokens; // less than before: a new engine
  return seconds > 0 && tokens >= 0 ? tokens / seconds : null;
}

export class Charts {
  #times = [];
  #values = Object.fromEntries(Object.keys(CHARTS).map((name) => [name, []]));
  #plots = {};
  #before = null;

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot());
    new ResizeObserver(() => this.#resize()).observe(byId("charts"));
  }

  /** Follow the load for as long as the page is open and the panel is seen. */
  async run() {
    for (;;) {
      if (!document.hidden && byId("engine").open) await this.#look();
      await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    }
  }

  async #look() {
    const now = await look("v1/mmhie/load").catch((failure) => this.#without(failure));
    if (now) byId("load-note").textContent = "The last two minutes.";
    this.#times.push(now?.time ?? Date.now() / 1000);
    for (const [name, chart] of Object.entries(CHARTS)) {
      const value = now ? chart.of(now, this.#before) : null;
      this.#values[name].push(value);
      byId("charts").querySelector(`[data-chart=${name}] output`).value = value === null ? "–" : chart.say(value);
    }
    for (const column of [this.#times, ...Object.values(this.#values)]) column.splice(0, column.length - POINTS);
    this.#before = now;
    this.#draw();
  }

  #without(failure) {
    const isClosed = failure.status === 401 || failure.status === 403;
    byId("load-note").textContent = isClosed ? "These need a key with the scope metrics." : "No figures at the moment.";
    return null;
  }

  #draw() {
    if (!this.#plots.tokens) this.#plot();
    for (const name of Object.keys(CHARTS)) this.#plots[name].setData([this.#times, this.#values[name]]);
  }

  #plot() {
    const style = getComputedStyle(document.documentElement);
    for (const [name, chart] of Object.entries(CHARTS)) {
      const place = byId("charts").querySelector(`[data-chart=${name}] .plot`);
      this.#plots[name]?.destroy();
      const options = sparkline(place, chart, style.getPropertyValue("--accent"), style.getPropertyValue("--accent-wash"));
      this.#plots[name] = new window.uPlot(options, [this.#times, this.#values[name]], place);
    }
  }

  #resize() {
    for (const [name, plot] of Object.entries(this.#plots)) {
      const place = byId("charts").querySelector(`[data-chart=${name}] .plot`);
      if (place.clientWidth) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
    }
  }
}

const sparkline = (place, { atLeast }, stroke, fill) => ({
  width: Math.max(place.clientWidth, 1),
  height: Math.max(place.clientHeight, 1),
  padding: [2, 0, 0, 0],
  legend: { show: false },
  cursor: { show: false },
  axes: [{ show: false }, { show: false }],
  scales: {
    x: { range: (_, __, last) => [last - (POINTS - 1) * EVERY_MS / 1000, last] },
    y: { range: (_, __, most) => [0, Math.max(atLeast, (most ?? 0) * 1.15)] },
  },
  series: [{}, { stroke, fill, width: 1.5, points: { show: false } }],
});
