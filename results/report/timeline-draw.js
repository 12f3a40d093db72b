// Drawing of the timeline: what lies in view, in no more detail than the pixels hold.

const TIMELINE = {gutter: 46, axis: 22, faultRow: 18, phaseRow: 17, lanesAtMost: 30, laneMost: 26, laneLeast: 9, overview: 46};

/** Rows for the faults, so that those at the same time lie below each other. */
function packFaults(data) {
  const rows = [];
  for (const band of [...data.faults].sort((a, b) => a.from - b.from)) {
    let row = rows.findIndex(end => end <= band.from);
    if (row < 0 && rows.length < 6) row = rows.push(0) - 1;
    if (row < 0) row = rows.length - 1;
    rows[row] = band.to;
    band.row = row;
  }
  return rows.length;
}

/** Numbers of the operations of each lane, in the order of time. */
function byLane(ops) {
  const sizes = new Uint32Array(ops.lanes);
  for (let n = 0; n < ops.count; n++) sizes[ops.lane[n]]++;
  const lanes = Array.from(sizes, size => new Uint32Array(size));
  const filled = new Uint32Array(ops.lanes);
  for (let n = 0; n < ops.count; n++) lanes[ops.lane[n]][filled[ops.lane[n]]++] = n;
  return lanes;
}

/** The first of a lane's operations that ends at `time` or later. */
function firstEnding(ops, lane, time) {
  let low = 0, high = lane.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ops.end[lane[middle]] < time) low = middle + 1; else high = middle;
  }
  return low;
}

/** Colours are asked for once per frame, not once per bar. */
function palette() {
  const colors = {};
  for (const name of ["ok", "fail", "info", "bad", "ink", "muted", "faint", "line", "panel", "sunken", "link"]) colors[name] = cssColor("--" + name);
  for (let n = 0; n < 8; n++) colors["--band-" + n] = cssColor("--band-" + n);
  colors.mono = cssColor("--mono");
  colors.sans = cssColor("--sans");
  return colors;
}

/** Everything below the overview. `state` is the timeline's: see timeline.js. */
function drawTimeline(state, context, width, height) {
  const colors = palette();
  const x = time => TIMELINE.gutter + (time - state.from) / (state.to - state.from) * (width - TIMELINE.gutter);
  const top = state.lanesTop;
  context.fillStyle = colors.sunken;
  context.fillRect(TIMELINE.gutter, top, width - TIMELINE.gutter, height - top);
  drawTimeAxis(state, context, colors, x, width, height);
  context.save();
  context.beginPath();
  context.rect(TIMELINE.gutter, 0, width - TIMELINE.gutter, height);
  context.clip();
  drawFaults(state, context, colors, x, width, height);
  drawPhases(state, context, colors, x, width, height);
  context.beginPath();
  context.rect(TIMELINE.gutter, top, width - TIMELINE.gutter, height - top);
  context.clip();
  drawLanes(state, context, colors, x, width);
  if (state.cursor !== null) {
    context.fillStyle = colors.link;
    context.fillRect(Math.round(x(state.cursor)), top, 2, height);
  }
  context.restore();
  drawGutter(state, context, colors, height);
}

function drawTimeAxis(state, context, colors, x, width, height) {
  context.font = "11px " + colors.sans;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const marks = ticks(state.from, state.to, Math.max(2, (width - TIMELINE.gutter) / 120));
  const step = marks.length > 1 ? marks[1] - marks[0] : state.to - state.from;
  for (const time of marks) {
    const text = clockText(state.data, time, step);
    const half = context.measureText(text).width / 2;
    const left = x(time);
    context.fillStyle = colors.line;
    context.fillRect(Math.round(left), TIMELINE.axis - 4, 1, height);
    context.fillStyle = colors.muted;
    if (left - half > TIMELINE.gutter - 20 && left + half < width) context.fillText(text, left, 9);
  }
}

function drawFaults(state, context, colors, x, width, height) {
  context.textAlign = "left";
  const shade = 0.08 * Math.min(1, Math.sqrt(16 / Math.max(1, state.data.faults.length)));
  for (const band of state.data.faults) {
    if (band.to < state.from || band.from > state.to) continue;
    const left = Math.max(x(band.from), TIMELINE.gutter), right = Math.min(Math.max(x(band.to), x(band.from) + 2), width);
    const y = state.faultsTop + band.row * TIMELINE.faultRow;
    context.fillStyle = colors[band.color];
    context.globalAlpha = shade;
    context.fillRect(left, state.lanesTop, right - left, height);
    context.globalAlpha = band.outcome === "installed" ? 0.26 : 0.12;
    context.fillRect(left, y, right - left, TIMELINE.faultRow - 3);
    context.globalAlpha = 1;
    context.fillRect(left, y, 2, TIMELINE.faultRow - 3);
    const text = band.label + (band.nodes.length ? " " + band.nodes.join(" ") : "") + (band.outcome === "installed" ? "" : " (in doubt)");
    fitText(context, text, left + 6, y + (TIMELINE.faultRow - 3) / 2, right - left - 10, colors.ink);
  }
}

/** The text, cut so that it fits; nothing if too little would be left of it. */
function fitText(context, text, x, y, room, color) {
  if (room < 16) return;
  let shown = text;
  if (context.measureText(shown).width > room) {
    const letters = Math.floor(room / (context.measureText(text).width / text.length)) - 1;
    if (letters < 2) return;
    shown = text.slice(0, letters) + "…";
  }
  context.fillStyle = color;
  context.fillText(shown, x, y);
}

function drawPhases(state, context, colors, x, width, height) {
  const {phases, crashes, marks} = state.data;
  const y = TIMELINE.axis + TIMELINE.phaseRow / 2;
  const flags = [
    ...phases.map(phase => ({at: phase.at, text: phase.name, color: colors.muted})),
    ...crashes.map(crash => ({at: crash.at, text: "✕ " + crash.node + " died", color: colors.bad})),
    ...marks.map(mark => ({at: mark.at, text: mark.name, color: colors.muted})),
  ].sort((a, b) => a.at - b.at);
  const inView = flags.map(flag => ({...flag, left: Math.round(x(flag.at))})).filter(flag => flag.left > TIMELINE.gutter - 200 && flag.left < width);
  for (const {left, color} of inView) {
    context.strokeStyle = color;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(left + 0.5, TIMELINE.axis);
    context.lineTo(left + 0.5, height);
    context.stroke();
  }
  context.setLineDash([]);
  // A name that has no room is left out; its line stays. Names stand on the panel's colour, so
  // that no line runs through them.
  let free = -Infinity;
  for (const {left, text, color} of inView) {
    const wide = context.measureText(text).width + 6;
    const at = left + 3 + wide > width ? left - wide - 1 : left + 2;
    if (at < free) continue;
    context.fillStyle = colors.panel;
    context.fillRect(at, y - 7, wide, 14);
    context.fillStyle = color;
    context.fillText(text, at + 3, y);
    free = at + wide + 4;
  }
}

function drawLanes(state, context, colors, x, width) {
  const {ops} = state.data;
  const pad = state.laneHeight > 14 ? 3 : state.laneHeight > 6 ? 1 : 0.5;
  const barHeight = state.laneHeight - 2 * pad;
  const letters = [];
  const rare = [];
  context.font = Math.min(11, barHeight - 3) + "px " + colors.mono;
  const paths = [new Path2D(), new Path2D(), new Path2D()];
  for (let shown = 0; shown < state.lanesShown; shown++) {
    const lane = state.lanes[state.firstLane + shown];
    if (!lane) break;
    const y = state.lanesTop + shown * state.laneHeight + pad;
    const drawnTo = [-1, -1, -1];
    for (let at = firstEnding(ops, lane, state.from); at < lane.length; at++) {
      const n = lane[at];
      if (ops.start[n] > state.to) break;
      if (!state.shown[n]) continue;
      const kind = ops.outcome[n];
      const left = Math.max(x(ops.start[n]), TIMELINE.gutter - 4);
      const right = Math.min(x(ops.end[n]), width + 4);
      if (state.marked.has(n) || n === state.pinned || n === state.hovered) rare.push({n, left, y, wide: Math.max(2, right - left)});
      // Several operations in one pixel are one bar.
      if (right <= drawnTo[kind]) continue;
      const from = Math.max(left, drawnTo[kind]);
      const wide = Math.max(1, right - from - (right - left > 3 ? 1 : 0));
      drawnTo[kind] = Math.ceil(from + wide);
      paths[kind].rect(from, y, wide, barHeight);
      if (wide > 34 && barHeight > 11) letters.push({n, left: from, y, wide});
    }
  }
  paths.forEach((path, kind) => {
    context.fillStyle = colors[OUTCOMES[kind]];
    context.globalAlpha = letters.length ? 0.42 : 0.85;
    context.fill(path);
  });
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const {n, left, y, wide} of letters) {
    const about = describe(state.data, n);
    const text = Math.max(left, TIMELINE.gutter) + 4;
    fitText(context, (about.key === null ? "" : about.key + " ") + about.text, text, y + barHeight / 2 + 0.5, left + wide - text - 2, colors.ink);
  }
  for (const {n, left, y, wide} of rare) {
    context.strokeStyle = n === state.pinned ? colors.link : state.marked.has(n) ? colors.bad : colors.ink;
    context.lineWidth = n === state.pinned ? 2.5 : 1.75;
    context.strokeRect(left - 0.5, y - 0.5, wide + 1, barHeight + 1);
    if (n === state.blocked) {
      context.fillStyle = colors.bad;
      context.globalAlpha = 0.35;
      context.fillRect(left, y, wide, barHeight);
      context.globalAlpha = 1;
    }
  }
  context.lineWidth = 1;
}

/** The process at the left edge of each lane. */
function drawGutter(state, context, colors, height) {
  const {ops} = state.data;
  context.font = Math.min(11, state.laneHeight) + "px " + colors.mono;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = colors.muted;
  const every = Math.ceil(10 / state.laneHeight);
  for (let shown = 0; shown < state.lanesShown; shown += every) {
    const lane = state.lanes[state.firstLane + shown];
    if (!lane || !lane.length) continue;
    const at = Math.min(lane.length - 1, firstEnding(ops, lane, state.from));
    context.fillText("p" + ops.process[lane[at]], TIMELINE.gutter - 7, state.lanesTop + (shown + 0.5) * state.laneHeight);
  }
}

/** The whole run in one strip, with the part in view framed. */
function drawOverview(state, context, width, height) {
  const colors = palette();
  const {data} = state;
  const span = width - TIMELINE.gutter;
  const x = time => TIMELINE.gutter + (time - data.first) / (data.last - data.first) * span;
  context.fillStyle = colors.sunken;
  context.fillRect(TIMELINE.gutter, 0, span, height);
  for (const band of data.faults) {
    context.fillStyle = colors[band.color];
    context.globalAlpha = 0.3;
    context.fillRect(x(band.from), 0, Math.max(1, x(band.to) - x(band.from)), 6);
  }
  context.globalAlpha = 0.75;
  const bins = Math.max(20, Math.min(600, Math.floor(span / 2)));
  // The strip changes only with its width.
  if (!state.strip || state.strip[0].length !== bins) state.strip = binned(data, bins);
  const counts = state.strip;
  let most = 1;
  for (let n = 0; n < bins; n++) most = Math.max(most, counts[0][n] + counts[1][n] + counts[2][n]);
  for (let n = 0; n < bins; n++) {
    let y = height;
    OUTCOMES.forEach((name, kind) => {
      const tall = counts[kind][n] / most * (height - 10);
      context.fillStyle = colors[name];
      context.fillRect(TIMELINE.gutter + n * span / bins, y - tall, span / bins, tall);
      y -= tall;
    });
  }
  context.globalAlpha = 1;
  for (const n of state.marked) {
    context.fillStyle = colors.bad;
    context.fillRect(x(data.ops.start[n]) - 1, 0, 2, height);
  }
  const left = x(state.from), right = Math.max(x(state.to), left + 3);
  context.fillStyle = colors.panel;
  context.globalAlpha = 0.5;
  context.fillRect(TIMELINE.gutter, 0, left - TIMELINE.gutter, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.strokeStyle = colors.link;
  context.lineWidth = 1.5;
  context.strokeRect(left + 0.75, 0.75, Math.min(right, width) - left - 1.5, height - 1.5);
  context.lineWidth = 1;
}
