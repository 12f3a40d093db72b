// Building elements, and saying numbers. Text goes in as text nodes only.

/** An element: el("p", {class: "lead"}, "some text", other). Handlers are given as functions. */
function el(name, attributes, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

/** The same in SVG. */
function svg(name, attributes, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** A section with a heading; what is null in it is left out. */
function section(id, title, ...children) {
  return el("section", {id, "aria-labelledby": id + "-h"}, el("h2", {id: id + "-h"}, title), ...children);
}

/** A table in a box that scrolls by itself. Columns: {head, number, wide}. */
function table(columns, rows) {
  const kind = column => [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || null;
  const head = el("tr", {}, columns.map(c => el("th", {scope: "col", class: c.number ? "number" : null}, c.head)));
  const body = rows.map(cells => el("tr", {}, cells.map((cell, n) => el("td", {class: kind(columns[n])}, cell))));
  return el("div", {class: "scroll", tabindex: "0"}, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", {class: "facts"}, shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function dot(color) {
  return el("span", {class: "dot", style: "background:" + color, "aria-hidden": "true"});
}

/** JSON as text: words as they are, the rest indented. */
function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** One line for a small object: "a 1, b 2". */
function oneLine(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(oneLine).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([k, v]) => k + " " + oneLine(v)).join(", ");
  return String(value);
}

function count(number) {
  return Number(number).toLocaleString("en-US");
}

/** "1 operation", "2 operations". */
function plural(number, noun) {
  return count(number) + " " + noun + (number === 1 ? "" : "s");
}

function milliseconds(ms) {
  if (ms >= 10000) return (ms / 1000).toFixed(1) + " s";
  if (ms >= 1000) return (ms / 1000).toFixed(2).replace(/\.?0+$/, "") + " s";
  if (ms >= 100) return ms.toFixed(0) + " ms";
  if (ms >= 1) return ms.toFixed(1) + " ms";
  if (ms >= 0.001) return (ms * 1000).toFixed(ms >= 0.1 ? 0 : 1) + " µs";
  return ms === 0 ? "0" : (ms * 1e6).toFixed(0) + " ns";
}

/** Steps of 1, 2 and 5 such that about `wanted` of them fit between low and high. */
function ticks(low, high, wanted) {
  const raw = (high - low) / Math.max(wanted, 1);
  if (!(raw > 0)) return [];
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= raw * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-6; n++) found.push(n * step);
  return found;
}

function cssColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A canvas sized for the screen; `draw` gets the context and the size in CSS pixels. */
function paint(canvas, width, height, draw) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = height + "px";
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  draw(context, width, height);
}

/** Calls back once now, and after each change of size or of colour scheme. */
function onResize(node, callback) {
  let pending = false;
  const later = () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => { pending = false; callback(); });
  };
  new ResizeObserver(later).observe(node);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  callback();
}

const tip = {
  box: null,
  show(x, y, ...content) {
    if (!this.box) document.body.append(this.box = el("div", {class: "tip", role: "status"}));
    this.box.hidden = false;
    this.box.replaceChildren(...content);
    const {width, height} = this.box.getBoundingClientRect();
    const left = x + 14 + width > innerWidth ? Math.max(4, x - width - 14) : x + 14;
    const top = y + 14 + height > innerHeight ? Math.max(4, y - height - 10) : y + 14;
    this.box.style.left = left + "px";
    this.box.style.top = top + "px";
  },
  hide() { if (this.box) this.box.hidden = true; },
};
