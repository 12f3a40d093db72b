// The timeline: every operation by process, to be searched with mouse and keyboard.

/** The section, and the object through which links and charts move it. */
function timelineSection(data) {
  if (!data.ops.count) return {section: null, timeline: null};
  const timeline = new Timeline(data);
  const {ops} = data;
  const sampled = ops.sampled
    ? el("p", {class: "lead"}, `This is a uniform sample: ${count(ops.count)} of ${count(ops.total)} operations, and all that the evidence quotes. history.jsonl has the rest.`) : null;
  const shown = section("timeline", "Timeline",
    el("p", {class: "lead"}, `${plural(ops.total, "operation")} by process. Wheel or + − to zoom, drag or ← → to move, ↑ ↓ for further lanes, Home for the whole run; click an operation to pin it, n and p for its neighbours.`),
    sampled,
    el("div", {class: "panel timeline"}, timeline.controls(), timeline.overview, timeline.canvas,
      el("div", {class: "legend", style: "margin-top:.5rem"},
        OUTCOMES.map(name => el("span", {}, dot(`var(--${name})`), name)),
        timeline.marked.size ? el("span", {}, dot("var(--bad)"), "quoted in the evidence") : null,
        el("span", {}, "a lane is a worker; when its process dies of an info, it goes on as the next"),
        timeline.note),
      timeline.detail));
  return {section: shown, timeline};
}

/** Positions of the invocations that a piece of evidence speaks of. */
function quotedBy(piece) {
  const calls = (piece.window || piece.operations || []).map(op => op.call);
  if (piece.blocked !== undefined) calls.push(piece.blocked);
  return calls.filter(call => call !== undefined);
}

class Timeline {
  constructor(data) {
    this.data = data;
    this.lanes = byLane(data.ops);
    this.faultRows = packFaults(data);
    this.firstLane = 0;
    this.shown = new Uint8Array(data.ops.count).fill(1);
    this.hovered = this.pinned = -1;
    this.pending = false;
    this.cursor = null;
    this.markEvidence();
    this.canvas = el("canvas", {class: "view", tabindex: "0", role: "application", "aria-label": "Timeline of operations by process"});
    this.overview = el("canvas", {class: "overview", "aria-hidden": "true"});
    this.detail = el("div", {"aria-live": "polite"});
    this.note = el("span");
    this.showEvidence() || this.setView(data.first, data.last);
    this.listen();
  }

  markEvidence() {
    const {ops, evidence} = this.data;
    this.marked = new Set();
    this.blocked = -1;
    for (const piece of evidence) {
      quotedBy(piece).map(call => operationOf(ops, call)).filter(n => n >= 0).forEach(n => this.marked.add(n));
    }
    if (evidence.length && evidence[0].blocked !== undefined) this.blocked = operationOf(ops, evidence[0].blocked);
  }

  /** Opens at the window of the first evidence. */
  showEvidence() {
    const {ops, evidence} = this.data;
    const quoted = evidence.length ? quotedBy(evidence[0]).map(call => operationOf(ops, call)).filter(n => n >= 0) : [];
    if (!quoted.length) return false;
    const from = Math.min(...quoted.map(n => ops.start[n]));
    const to = Math.max(...quoted.map(n => ops.outcome[n] === 2 ? ops.start[n] : ops.end[n]));
    const margin = Math.max((to - from) * 0.3, this.leastSpan() * 4);
    this.setView(from - margin, to + margin);
    this.bringLane(ops.lane[quoted[0]]);
    return true;
  }

  leastSpan() { return Math.max((this.data.last - this.data.first) / 1e7, this.data.clock.tick_ns * 5e-9); }

  setView(from, to) {
    const {first, last} = this.data;
    const room = (last - first) * 0.01;
    const span = Math.min(Math.max(to - from, this.leastSpan()), last - first + 2 * room);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - span / 2, first - room), last + room - span);
    this.to = this.from + span;
    this.redraw();
  }

  zoom(factor, around) {
    const centre = around === undefined ? (this.from + this.to) / 2 : around;
    this.setView(centre - (centre - this.from) * factor, centre + (this.to - centre) * factor);
  }

  move(share) {
    const by = share * (this.to - this.from);
    this.setView(this.from + by, this.to + by);
  }

  centre(time, span) {
    const half = (span || Math.min(this.to - this.from, (this.data.last - this.data.first) / 20)) / 2;
    this.setView(time - half, time + half);
  }

  /** Shows a moment, with a line at it. */
  showTime(time) {
    this.cursor = time;
    this.centre(time);
  }

  scrollLanes(by) {
    const most = Math.max(0, this.lanes.length - (this.lanesShown || this.lanes.length));
    this.firstLane = Math.min(most, Math.max(0, this.firstLane + by));
    this.redraw();
  }

  bringLane(lane) {
    if (this.lanesShown && (lane < this.firstLane || lane >= this.firstLane + this.lanesShown)) {
      this.firstLane = 0;
      this.scrollLanes(lane - (this.lanesShown >> 1));
    }
  }

  layout() {
    this.faultsTop = TIMELINE.axis + TIMELINE.phaseRow + 2;
    this.lanesTop = this.faultsTop + this.faultRows * TIMELINE.faultRow + 5;
    this.lanesShown = Math.min(this.lanes.length, 60);
    this.laneHeight = Math.max(TIMELINE.laneLeast, Math.min(TIMELINE.laneMost, 560 / this.lanesShown));
    return this.lanesTop + this.lanesShown * this.laneHeight + 2;
  }

  redraw() {
    if (this.pending || !this.ready) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.draw(); });
  }

  draw() {
    const began = performance.now();
    const width = this.canvas.clientWidth;
    if (!width) return;
    this.layout();
    this.note.textContent = this.lanesShown < this.lanes.length
      ? `lanes ${this.firstLane + 1} to ${this.firstLane + this.lanesShown} of ${this.lanes.length}, ↑ ↓ for others` : "";
    paint(this.canvas, width, this.layout(), (context, w, h) => drawTimeline(this, context, w, h));
    paint(this.overview, width, TIMELINE.overview, (context, w, h) => drawOverview(this, context, w, h));
    this.canvas.dataset.frameMs = (performance.now() - began).toFixed(1);
  }

  start() {
    this.ready = true;
    onResize(this.canvas.parentElement, () => this.draw());
  }

  timeAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    return this.from + (clientX - box.left - TIMELINE.gutter) / (box.width - TIMELINE.gutter) * (this.to - this.from);
  }

  /** The operation under the pointer, with two pixels of grace; -1 if there is none. */
  operationAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const lane = this.lanes[this.firstLane + Math.floor((event.clientY - box.top - this.lanesTop) / this.laneHeight)];
    if (!lane || event.clientY - box.top < this.lanesTop || event.clientX - box.left < TIMELINE.gutter) return -1;
    const {ops} = this.data;
    const time = this.timeAt(event.clientX);
    const grace = 2 * (this.to - this.from) / (box.width - TIMELINE.gutter);
    for (let at = firstEnding(ops, lane, time - grace); at < lane.length && ops.start[lane[at]] <= time + grace; at++) {
      if (this.shown[lane[at]]) return lane[at];
    }
    return -1;
  }

  bandAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top - this.faultsTop) / TIMELINE.faultRow);
    const time = this.timeAt(event.clientX);
    return this.data.faults.find(band => band.row === row && band.from <= time && time <= band.to);
  }

  hover(event) {
    const n = this.operationAt(event);
    if (n !== this.hovered) { this.hovered = n; this.redraw(); }
    if (n >= 0) return tip.show(event.clientX, event.clientY, ...this.tipContent(n));
    const band = this.bandAt(event);
    if (!band) return tip.hide();
    tip.show(event.clientX, event.clientY, el("b", {}, band.label), el("div", {}, band.nodes.join(", ")),
      el("div", {class: "muted"}, clockText(this.data, band.from) + (band.open ? ", never healed" : " to " + clockText(this.data, band.to)) + " · " + band.outcome),
      band.reason ? el("div", {}, band.reason) : "");
  }

  tipContent(n) {
    const op = describe(this.data, n);
    const took = op.answered ? milliseconds(op.duration * 1e3) : "never answered";
    return [
      el("b", {}, (op.key === null ? "" : op.key + "  ") + op.text),
      el("div", {}, dot(`var(--${op.outcome})`), op.outcome, op.error ? ": " + op.error : ""),
      el("div", {class: "muted"}, `event ${op.position} · process ${op.process}` + (op.node ? " · node " + op.node : "")),
      el("div", {class: "muted"}, this.data.clock.timed ? clockText(this.data, op.start, 1e-5) + " · " + took : took),
    ];
  }

  /** Pins an operation and shows all of it below. */
  pin(n) {
    this.pinned = n;
    this.redraw();
    if (n < 0) return this.detail.replaceChildren();
    const op = describe(this.data, n);
    const place = position => el("span", {class: "mono"}, position === null ? "none" : `${position} (line ${position + 1})`);
    this.detail.replaceChildren(el("div", {class: "pinned"},
      el("div", {class: "head"},
        el("b", {}, dot(`var(--${op.outcome})`), (op.key === null ? "" : op.key + "  ") + op.text),
        el("button", {type: "button", click: () => this.neighbour(-1)}, "← earlier (p)"),
        el("button", {type: "button", click: () => this.neighbour(1)}, "later (n) →"),
        el("button", {type: "button", click: () => { location.hash = "timeline"; this.pin(-1); }}, "Close")),
      facts([
        ["Invocation", place(op.position)], ["Completion", place(op.completion)],
        ["Process", String(op.process)], ["Node", op.node], ["Key", op.key], ["Function", op.f],
        ["Argument", op.input || "none"], ["Result", op.output === "" ? "null" : op.output], ["Outcome", op.outcome],
        ["Error", op.error],
        ["Start", this.data.clock.timed ? clockText(this.data, op.start, 1e-6) : null],
        ["Duration", op.answered ? (this.data.clock.timed ? milliseconds(op.duration * 1e3) : null) : "never answered"],
      ])));
  }

  neighbour(step) {
    if (this.pinned < 0) return;
    const lane = this.lanes[this.data.ops.lane[this.pinned]];
    const n = lane[lane.indexOf(this.pinned) + step];
    if (n !== undefined) location.hash = "op=" + this.data.ops.call[n];
  }

  /** Shows the operation of the event at this position; false if it is not drawn. */
  goTo(position) {
    const n = operationOf(this.data.ops, position);
    if (n < 0) return false;
    const {start, end, lane} = this.data.ops;
    const visible = start[n] >= this.from && Math.min(end[n], start[n] + (this.to - this.from) / 2) <= this.to && this.to - this.from < 400 * Math.max(end[n] - start[n], this.leastSpan());
    if (!visible) this.centre(start[n] + Math.min(end[n] - start[n], 1) / 2, Math.max((Math.min(end[n] - start[n], 1)) * 12, this.leastSpan() * 20));
    this.layout();
    this.bringLane(lane[n]);
    this.pin(n);
    return true;
  }

  filter({f, key, process, outcomes}) {
    const {ops} = this.data;
    const names = ops.names;
    const has = (text, part) => text.toLowerCase().includes(part.toLowerCase());
    const keys = key ? names.key.map(text => has(text, key)) : null;
    const values = key ? names.value.map(text => has(text, key)) : null;
    for (let n = 0; n < ops.count; n++) {
      this.shown[n] = outcomes[ops.outcome[n]]
        && (f === "" || ops.f[n] === Number(f))
        && (process === "" || ops.process[n] === Number(process))
        && (!key || (ops.key[n] ? keys[ops.key[n] - 1] : values[ops.input[n]] || (ops.output[n] > 0 && values[ops.output[n] - 1]))) ? 1 : 0;
    }
    this.redraw();
  }

  controls() {
    const {ops} = this.data;
    const functions = el("select", {"aria-label": "Function"}, el("option", {value: ""}, "all functions"), ops.names.f.map((name, n) => el("option", {value: n}, name)));
    const key = el("input", {type: "search", placeholder: ops.keyed ? "key contains…" : "value contains…", "aria-label": ops.keyed ? "Key contains" : "Value contains"});
    const process = el("input", {type: "search", inputmode: "numeric", placeholder: "process", "aria-label": "Process", style: "width:5.5rem"});
    const boxes = OUTCOMES.map(() => el("input", {type: "checkbox", checked: true}));
    const apply = () => this.filter({f: functions.value, key: key.value.trim(), process: process.value.trim(), outcomes: boxes.map(box => box.checked)});
    [functions, ...boxes].forEach(input => input.addEventListener("change", apply));
    [key, process].forEach(input => input.addEventListener("input", apply));
    const button = (text, label, act) => el("button", {type: "button", "aria-label": label, title: label, click: act}, text);
    return el("div", {class: "controls"}, functions, key, process,
      boxes.map((box, n) => el("label", {}, box, OUTCOMES[n])), el("span", {class: "gap"}),
      this.marked.size ? button("Evidence", "Show the evidence", () => this.showEvidence()) : null,
      button("−", "Zoom out", () => this.zoom(2)), button("+", "Zoom in", () => this.zoom(0.5)),
      button("All", "Show the whole run", () => this.setView(this.data.first, this.data.last)));
  }

  listen() {
    const {canvas, overview} = this;
    let grip = null;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.shiftKey) this.scrollLanes(Math.sign(event.deltaY || event.deltaX));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.move(event.deltaX / canvas.clientWidth);
      else this.zoom(Math.pow(1.0016, event.deltaY), this.timeAt(event.clientX));
    }, {passive: false});
    canvas.addEventListener("pointerdown", event => {
      grip = {x: event.clientX, y: event.clientY, from: this.from, to: this.to, lane: this.firstLane, moved: false};
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (!grip) return this.hover(event);
      if (Math.abs(event.clientX - grip.x) + Math.abs(event.clientY - grip.y) > 4) grip.moved = true;
      if (!grip.moved) return;
      canvas.classList.add("dragging");
      tip.hide();
      const by = (grip.x - event.clientX) / (canvas.clientWidth - TIMELINE.gutter) * (grip.to - grip.from);
      this.setView(grip.from + by, grip.to + by);
      this.scrollLanes(grip.lane + Math.round((grip.y - event.clientY) / this.laneHeight) - this.firstLane);
    });
    canvas.addEventListener("pointerup", event => {
      const clicked = grip && !grip.moved;
      grip = null;
      canvas.classList.remove("dragging");
      if (!clicked) return;
      const n = this.operationAt(event);
      if (n >= 0) location.hash = "op=" + this.data.ops.call[n];
    });
    canvas.addEventListener("pointercancel", () => { grip = null; canvas.classList.remove("dragging"); });
    canvas.addEventListener("pointerleave", () => { this.hovered = -1; tip.hide(); this.redraw(); });
    canvas.addEventListener("keydown", event => {
      const act = {
        "+": () => this.zoom(0.6), "=": () => this.zoom(0.6), "-": () => this.zoom(1 / 0.6),
        ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
        ArrowUp: () => this.scrollLanes(-1), ArrowDown: () => this.scrollLanes(1),
        Home: () => this.setView(this.data.first, this.data.last),
        e: () => this.showEvidence(), n: () => this.neighbour(1), p: () => this.neighbour(-1),
        Escape: () => this.pin(-1),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    const jump = event => {
      const box = overview.getBoundingClientRect();
      const share = (event.clientX - box.left - TIMELINE.gutter) / (box.width - TIMELINE.gutter);
      this.centre(this.data.first + share * (this.data.last - this.data.first), this.to - this.from);
    };
    overview.addEventListener("pointerdown", event => { overview.setPointerCapture(event.pointerId); jump(event); });
    overview.addEventListener("pointermove", event => { if (event.buttons) jump(event); });
  }
}
