// Swim lanes: a few operations, one lane per process, wide enough to be read.
//
// Places on the axis follow the order of events, not their distance: what matters is who began
// before whom had ended. Every bar is as wide as its label, and times are written below.

const LANE = {height: 40, bar: 24, gutter: 58, gap: 16, letter: 7.05, top: 12};

/** Where each event goes: from left to right, with room for the label of each bar. */
function placeEvents(operations) {
  const events = operations.flatMap(op => [
    {position: op.call, time: op.call_time, op, begins: true},
    ...(op.ret === null || op.ret === undefined ? [] : [{position: op.ret, time: op.ret_time, op}]),
  ]).sort((a, b) => a.position - b.position);
  let x = LANE.gutter + 8;
  for (const event of events) {
    if (event.begins) {
      event.op.left = event.x = x += LANE.gap;
    } else {
      event.op.right = event.x = x = Math.max(x + LANE.gap, event.op.left + event.op.width);
    }
  }
  // What may act for ever goes on to the edge.
  const open = operations.filter(op => op.right === undefined);
  const edge = Math.max(x + LANE.gap, ...open.map(op => op.left + op.width + LANE.gap));
  open.forEach(op => { op.right = edge; op.open = true; });
  return {events, edge: spread(operations, events, edge)};
}

/** Takes the room that there is, for few operations. */
function spread(operations, events, edge) {
  const room = Math.min(innerWidth, 1240) - 170;
  const factor = Math.min(2, (room - LANE.gutter) / (edge - LANE.gutter));
  if (factor <= 1) return edge;
  const wide = x => LANE.gutter + (x - LANE.gutter) * factor;
  operations.forEach(op => { op.left = wide(op.left); op.right = wide(op.right); });
  events.forEach(event => { event.x = wide(event.x); });
  return wide(edge);
}

function barLabel(op, order) {
  const result = op.fate !== "ok" ? op.fate + "?".repeat(op.fate === "info")
    : op.output === null || op.output === undefined || JSON.stringify(op.output) === JSON.stringify(op.input) ? ""
    : JSON.stringify(op.output);
  const input = op.input === null || op.input === undefined ? "" : " " + JSON.stringify(op.input);
  // A read that found nothing says so.
  const found = result || (op.fate === "ok" && input === "" && op.f.includes("read") ? "null" : "");
  const text = (op.name || op.f) + input + (found ? " → " + found : "");
  return (text.length > 44 ? text.slice(0, 43) + "…" : text) + (order ? "  " : "");
}

/** The drawing. `order` numbers the operations of an order that works, by call position. */
function laneDrawing(data, quoted, blocked, order) {
  const operations = quoted.map(op => ({...op, order: order.indexOf(op.call) + 1}));
  operations.forEach(op => {
    op.label = barLabel(op, op.order);
    op.width = op.label.length * LANE.letter + 16 + (op.order ? 20 : 0);
  });
  const processes = [...new Set(operations.map(op => op.process))].sort((a, b) => a - b);
  const {events, edge} = placeEvents(operations);
  const height = LANE.top + processes.length * LANE.height + 26;
  const width = edge + 64 - LANE.gutter;
  const y = process => LANE.top + processes.indexOf(process) * LANE.height;
  // The names stay where they are when the lanes are scrolled.
  const names = svg("svg", {class: "names", width: LANE.gutter, height, "aria-hidden": "true"});
  const drawing = svg("svg", {width, height, viewBox: `${LANE.gutter} 0 ${width} ${height}`, role: "group", "aria-label": "Operations of the failing window, one lane per process"});
  for (const process of processes) {
    const middle = y(process) + LANE.height / 2;
    names.append(svg("text", {class: "quiet", x: 12, y: middle + 4}, "p" + process));
    drawing.append(svg("line", {class: "lane-line", x1: LANE.gutter, x2: edge, y1: middle, y2: middle}));
  }
  drawing.append(laneAxis(data, events, LANE.top + processes.length * LANE.height));
  for (const op of operations) drawing.append(laneBar(op, y(op.process), op.call === blocked));
  const box = el("div", {class: "lanes", tabindex: "0"}, names, drawing);
  const last = operations.find(op => op.call === blocked);
  // Where there is no room for all, the blocked operation is what must be seen.
  if (last) requestAnimationFrame(() => { box.scrollLeft = last.right + 24 - box.clientWidth; });
  return box;
}

function laneAxis(data, events, top) {
  const axis = svg("g", {class: "axis"});
  const origin = events.length ? events[0].time : 0;
  let free = 0;
  for (const {x, time, op, begins} of events) {
    axis.append(svg("line", {class: "rule", x1: x, x2: x, y1: LANE.top, y2: top + 4, "stroke-dasharray": "2 3"}));
    const text = free === 0 ? clockText(data, time / 1e9, 0.001) : "+" + milliseconds((time - origin) / 1e6);
    if (!data.clock.timed) continue;
    if (x < free) continue;
    axis.append(svg("text", {x, y: top + 17}, text));
    free = x + text.length * 6.4 + 14;
  }
  return axis;
}

function laneBar(op, top, isBlocked) {
  const barTop = top + (LANE.height - LANE.bar) / 2;
  const bar = svg("rect", {x: op.left, y: barTop, width: op.right - op.left, height: LANE.bar, rx: 4, "stroke-dasharray": op.open || op.optional ? "5 3" : null});
  const label = svg("text", {x: op.left + (op.order ? 26 : 8), y: barTop + LANE.bar / 2 + 4}, op.label);
  const number = op.order ? [
    svg("circle", {class: "order", cx: op.left + 14, cy: barTop + LANE.bar / 2, r: 8}),
    svg("text", {class: "order-number", x: op.left + 14, y: barTop + LANE.bar / 2 + 3.5, "text-anchor": "middle"}, String(op.order)),
  ] : [];
  const open = () => { location.hash = "op=" + op.call; };
  return svg("g", {
    class: "op " + op.fate + (isBlocked ? " blocked" : "") + (op.context ? " context" : ""), tabindex: "0", role: "link",
    click: open, keydown: event => { if (event.key === "Enter") open(); },
  }, svg("title", {}, op.text + " (event " + op.call + ")" + (isBlocked ? ": cannot be placed" : "")), bar, number, label);
}
