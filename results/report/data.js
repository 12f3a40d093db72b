// The run's data: columns decoded into typed arrays, times in seconds.

const OUTCOMES = ["ok", "fail", "info"];

/** Numbers out of base64 of LEB128. */
function decodeColumn(text, length) {
  const bytes = atob(text);
  const numbers = new Float64Array(length);
  let at = 0;
  for (let n = 0; n < length; n++) {
    let number = 0, scale = 1, byte;
    do {
      byte = bytes.charCodeAt(at++);
      number += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    numbers[n] = number;
  }
  return numbers;
}

function accumulate(numbers) {
  for (let n = 1; n < numbers.length; n++) numbers[n] += numbers[n - 1];
  return numbers;
}

/** Operations by number, in the order of their invocations. */
function decodeOperations(packed, clock) {
  const column = name => decodeColumn(packed.columns[name], packed.count);
  const small = name => Uint16Array.from(column(name));
  const scale = clock.tick_ns / 1e9;
  const start = accumulate(column("start")).map(tick => tick * scale);
  const duration = column("duration");
  const last = clock.last * scale;
  // An operation that nobody answered is drawn to the end.
  const end = start.map((from, n) => duration[n] === 0 ? last : from + (duration[n] - 1) * scale);
  return {
    count: packed.count, total: packed.total, sampled: packed.sampled, lanes: packed.lanes, keyed: packed.keyed,
    start, end,
    call: accumulate(column("call")),
    ret: column("ret"),
    answered: duration,
    process: column("process"),
    lane: column("lane"),
    f: small("f"),
    outcome: Uint8Array.from(column("outcome")),
    key: column("key"), input: column("input"), output: column("output"),
    error: small("error"), node: small("node"),
    names: packed.dictionaries,
  };
}

function loadRun() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const scale = data.clock.tick_ns / 1e9;
  data.first = data.clock.first * scale;
  data.last = Math.max(data.clock.last * scale, data.first + scale);
  for (const list of [data.phases, data.crashes, data.marks]) list.forEach(item => { item.at *= scale; });
  data.classes = [...new Set([...data.coverage.faults.map(f => f.class), ...data.bands.map(b => b.class)])];
  data.bands.forEach(band => {
    band.from *= scale;
    band.open = band.to === null;
    band.to = band.open ? data.last : band.to * scale;
    band.label = [band.class, band.kind].filter(Boolean).join(" ");
    band.color = bandColor(data, band.class);
  });
  data.faults = data.bands.filter(band => band.outcome !== "skipped");
  data.ops = decodeOperations(data.operations, data.clock);
  delete data.operations;
  data.evidence = data.checkers.flatMap(checker => checker.evidence.map(e => ({...e, checker: checker.name})));
  return data;
}

function bandColor(data, name) {
  return "--band-" + data.classes.indexOf(name) % 8;
}

/** A time on the run's clock, with as many digits as a step of `precision` seconds needs. */
function clockText(data, seconds, precision) {
  if (!data.clock.timed) return "event " + Math.round(seconds / (data.clock.tick_ns / 1e9));
  const step = precision || 0.001;
  if (data.last < 0.001) return (seconds * 1e9).toFixed(0) + " ns";
  if (data.last < 1) return (seconds * 1e3).toFixed(step < 1e-3 ? 3 : 0) + " ms";
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return seconds.toFixed(digits) + " s";
}

/** Number of the operation that the event at this position belongs to; -1 if it is not drawn. */
function operationOf(ops, position) {
  let low = 0, high = ops.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ops.call[middle] <= position) low = middle; else high = middle - 1;
  }
  if (ops.count && ops.call[low] === position) return low;
  for (let n = low; n >= 0; n--) {
    if (ops.ret[n] && ops.call[n] + ops.ret[n] - 1 === position) return n;
  }
  return -1;
}

/** What an operation is, in pieces that can be shown. */
function describe(data, n) {
  const {ops} = data;
  const names = ops.names;
  const outcome = OUTCOMES[ops.outcome[n]];
  const input = names.value[ops.input[n]];
  const output = ops.output[n] ? names.value[ops.output[n] - 1] : null;
  const f = names.f[ops.f[n]];
  const result = outcome !== "ok" ? outcome + "?".repeat(outcome === "info") : output === input ? "" : output === "" ? "null" : output;
  const text = [f, input].filter(Boolean).join(" ") + (result ? " → " + result : "");
  return {
    n, f, outcome, input, output, text,
    position: ops.call[n],
    completion: ops.ret[n] ? ops.call[n] + ops.ret[n] - 1 : null,
    process: ops.process[n],
    key: ops.key[n] ? names.key[ops.key[n] - 1] : null,
    error: ops.error[n] ? names.error[ops.error[n] - 1] : null,
    node: ops.node[n] ? names.node[ops.node[n] - 1] : null,
    start: ops.start[n],
    answered: ops.answered[n] > 0,
    duration: ops.answered[n] > 0 ? ops.end[n] - ops.start[n] : null,
  };
}
