// Throughput and latency over the whole run, with the faults behind them.

const CHART = {left: 58, right: 10, top: 10, bottom: 24};

function chartsSection(data) {
  if (!data.clock.timed || !data.ops.count) return null;
  return section("charts", "Throughput and latency",
    el("div", {class: "panel"},
      throughputChart(data), latencyChart(data),
      data.classes.length ? el("div", {class: "legend", style: "margin-top:.7rem"}, el("span", {}, "Shaded:"),
        data.classes.map(name => el("span", {}, dot(`var(${bandColor(data, name)})`), name)),
        data.phases.length ? el("span", {}, "┊ phases") : null) : null));
}

function outcomeLegend() {
  return el("span", {class: "legend"}, OUTCOMES.map(name => el("span", {}, dot(`var(--${name})`), name)));
}

/** Operations that ended in each interval, by outcome. */
function binned(data, bins) {
  const {ops, first, last} = data;
  const counts = OUTCOMES.map(() => new Float64Array(bins));
  const scale = ops.sampled ? ops.total / ops.count : 1;
  for (let n = 0; n < ops.count; n++) {
    if (!ops.answered[n]) continue;
    const bin = Math.min(bins - 1, Math.floor((ops.end[n] - first) / (last - first) * bins));
    counts[ops.outcome[n]][bin] += scale;
  }
  return counts;
}

/** Axis of time, shaded faults and phases; returns the scale of x. */
function frame(data, context, width, height, labelled) {
  const {first, last} = data;
  const right = width - CHART.right, bottom = height - CHART.bottom;
  const x = time => CHART.left + (time - first) / (last - first) * (right - CHART.left);
  // Where many faults overlap each is paler.
  const shade = 0.13 * Math.min(1, Math.sqrt(16 / Math.max(1, data.faults.length)));
  for (const band of data.faults) {
    context.fillStyle = cssColor(band.color);
    context.globalAlpha = shade;
    context.fillRect(x(band.from), CHART.top, Math.max(1, x(band.to) - x(band.from)), bottom - CHART.top);
    context.globalAlpha = 1;
    context.fillRect(x(band.from), CHART.top - 4, Math.max(1, x(band.to) - x(band.from)), 3);
  }
  context.strokeStyle = cssColor("--faint");
  context.setLineDash([2, 3]);
  for (const phase of data.phases) {
    context.beginPath();
    context.moveTo(Math.round(x(phase.at)) + 0.5, CHART.top);
    context.lineTo(Math.round(x(phase.at)) + 0.5, bottom);
    context.stroke();
  }
  context.setLineDash([]);
  context.font = "11px " + cssColor("--sans");
  context.fillStyle = cssColor("--muted");
  context.textBaseline = "top";
  const marks = ticks(first, last, Math.max(3, width / 110));
  for (const time of marks) {
    const text = clockText(data, time, marks.length > 1 ? marks[1] - marks[0] : 1);
    const half = context.measureText(text).width / 2;
    context.textAlign = "center";
    context.fillText(text, Math.min(Math.max(x(time), CHART.left + half - 4), width - half - 1), bottom + 7);
  }
  context.strokeStyle = cssColor("--line");
  context.strokeRect(CHART.left - 0.5, CHART.top - 0.5, right - CHART.left + 1, bottom - CHART.top + 1);
  return x;
}

function yLabel(context, text, y) {
  context.fillStyle = cssColor("--muted");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, CHART.left - 7, y);
}

function gridLine(context, y, width) {
  context.strokeStyle = cssColor("--line");
  context.beginPath();
  context.moveTo(CHART.left, Math.round(y) + 0.5);
  context.lineTo(width - CHART.right, Math.round(y) + 0.5);
  context.stroke();
}

/** Width of an interval: a round one, such that there are a few hundred. */
function binSeconds(data, width) {
  const raw = (data.last - data.first) / Math.max(40, Math.min(400, width / 3));
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= raw * 0.999);
}

function throughputChart(data) {
  const canvas = el("canvas", {role: "img", "aria-label": "Operations per second over time, by outcome"});
  const note = el("span", {class: "small muted"});
  const figure = el("figure", {}, el("figcaption", {}, el("h3", {}, "Operations per second"), outcomeLegend(), note), canvas);
  let bins = 1, counts = null, seconds = 1;
  requestAnimationFrame(() => onResize(figure, () => paint(canvas, figure.clientWidth, 190, (context, width, height) => {
    seconds = binSeconds(data, width);
    bins = Math.max(1, Math.round((data.last - data.first) / seconds));
    seconds = (data.last - data.first) / bins;
    counts = binned(data, bins);
    note.textContent = "in intervals of " + milliseconds(seconds * 1e3) + (data.ops.sampled ? ", estimated from a sample" : "");
    const x = frame(data, context, width, height);
    const bottom = height - CHART.bottom;
    const sums = Array.from({length: bins}, (_, n) => counts[0][n] + counts[1][n] + counts[2][n]);
    const top = Math.max(1, ...sums) / seconds * 1.06;
    const y = rate => bottom - rate / top * (bottom - CHART.top);
    for (const rate of ticks(0, top, 4)) {
      if (rate > 0) gridLine(context, y(rate), width);
      yLabel(context, count(rate), y(rate));
    }
    for (let n = 0; n < bins; n++) {
      const left = x(data.first + n * seconds), wide = Math.max(0.7, x(data.first + (n + 1) * seconds) - left - (bins < width / 3 ? 0.5 : 0));
      let below = 0;
      OUTCOMES.forEach((name, kind) => {
        const rate = counts[kind][n] / seconds;
        if (!rate) return;
        context.fillStyle = cssColor("--" + name);
        context.fillRect(left, y(below + rate), wide, y(below) - y(below + rate));
        below += rate;
      });
      if (!counts[0][n] && data.ops.count > bins) {
        // Nobody was served: said at the foot of the chart.
        context.fillStyle = cssColor("--bad");
        context.fillRect(left, bottom - 3, wide, 3);
      }
    }
  })));
  chartPointer(data, canvas, time => {
    const n = Math.min(bins - 1, Math.max(0, Math.floor((time - data.first) / seconds)));
    return [el("div", {class: "muted"}, clockText(data, data.first + n * seconds, seconds) + " to " + clockText(data, data.first + (n + 1) * seconds, seconds)),
      ...OUTCOMES.map((name, kind) => el("div", {}, dot(`var(--${name})`), name + " " + count(Math.round(counts[kind][n] / seconds)) + " per second"))];
  });
  return figure;
}

function latencyChart(data) {
  const {ops} = data;
  const canvas = el("canvas", {role: "img", "aria-label": "Latency of each operation over time, by outcome, on a logarithmic scale"});
  const figure = el("figure", {}, el("figcaption", {}, el("h3", {}, "Latency of each operation"), outcomeLegend(), el("span", {class: "small muted"}, "logarithmic scale")), canvas);
  let low = Infinity, high = 0;
  for (let n = 0; n < ops.count; n++) {
    const duration = ops.end[n] - ops.start[n];
    if (!ops.answered[n] || !(duration > 0)) continue;
    if (duration < low) low = duration;
    if (duration > high) high = duration;
  }
  if (!(high > 0)) return null;
  const bottomLog = Math.log10(low) - 0.1, topLog = Math.max(Math.log10(high) + 0.1, bottomLog + 1);
  requestAnimationFrame(() => onResize(figure, () => paint(canvas, figure.clientWidth, 240, (context, width, height) => {
    const x = frame(data, context, width, height);
    const bottom = height - CHART.bottom;
    const y = log => bottom - (log - bottomLog) / (topLog - bottomLog) * (bottom - CHART.top);
    for (let power = Math.ceil(bottomLog); power <= topLog; power++) {
      gridLine(context, y(power), width);
      const ms = Math.pow(10, power + 3);
      yLabel(context, ms >= 1000 ? ms / 1000 + " s" : ms >= 0.99 ? Math.round(ms) + " ms" : ms >= 0.00099 ? Math.round(ms * 1000) + " µs" : Math.round(ms * 1e6) + " ns", y(power));
    }
    // A point that is there already is not drawn again; the rarer outcomes come last, on top.
    const columns = Math.ceil(width), taken = new Uint8Array(columns * Math.ceil(height));
    [0, 1, 2].forEach(kind => {
      context.fillStyle = cssColor("--" + OUTCOMES[kind]);
      context.globalAlpha = ops.count > 5000 && kind === 0 ? 0.55 : 0.9;
      for (let n = 0; n < ops.count; n++) {
        if (ops.outcome[n] !== kind || !ops.answered[n]) continue;
        const left = x(ops.end[n]) | 0, top = y(Math.log10(Math.max(low, ops.end[n] - ops.start[n]))) | 0;
        const cell = top * columns + left;
        if (taken[cell] === kind + 1) continue;
        taken[cell] = kind + 1;
        context.fillRect(left - 0.75, top - 0.75, 1.8, 1.8);
      }
    });
    context.globalAlpha = 1;
  })));
  chartPointer(data, canvas, time => [el("div", {}, clockText(data, time, 0.01)),
    ...data.faults.filter(band => band.from <= time && time <= band.to).slice(0, 6).map(band => el("div", {}, dot(`var(${band.color})`), band.label)),
    el("div", {class: "muted"}, "Click to show this moment in the timeline.")]);
  return figure;
}

/** Tooltip and click of a chart. */
function chartPointer(data, canvas, content) {
  const timeAt = event => {
    const box = canvas.getBoundingClientRect();
    const share = (event.clientX - box.left - CHART.left) / (box.width - CHART.left - CHART.right);
    return share < 0 || share > 1 ? null : data.first + share * (data.last - data.first);
  };
  canvas.addEventListener("pointermove", event => {
    const time = timeAt(event);
    if (time === null) tip.hide(); else tip.show(event.clientX, event.clientY, ...content(time));
  });
  canvas.addEventListener("pointerleave", () => tip.hide());
  canvas.addEventListener("click", event => {
    const time = timeAt(event);
    if (time !== null) location.hash = "t=" + time.toFixed(3) + "s";
  });
}
