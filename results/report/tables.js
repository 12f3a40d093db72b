// What was tried, what was measured, what was left behind: sections made of tables.

function word(text) {
  const icon = {valid: "✓ ", sufficient: "✓ ", invalid: "✕ ", unknown: "? ", thin: "! "}[text] || "";
  return el("b", {class: "word-" + text}, icon + text);
}

function checkersSection(data) {
  if (!data.checkers.length) return null;
  const rows = data.checkers.map(checker => [
    checker.name, word(checker.verdict), checker.algorithm, milliseconds(checker.millis),
    [checker.reason || "", Object.keys(checker.details).length
      ? el("details", {}, el("summary", {}, "details"), el("pre", {}, asText(checker.details))) : null],
  ]);
  return section("checkers", "Checkers", el("div", {class: "panel"}, table(
    [{head: "Checker"}, {head: "Verdict"}, {head: "Algorithm"}, {head: "Time", number: true}, {head: "Reason", wide: true}], rows)));
}

function coverageSection(data) {
  const {coverage} = data;
  const number = n => el("span", {class: n ? null : "muted"}, count(n));
  const rows = coverage.faults.map(fault => [
    [dot(`var(${bandColor(data, fault.class)})`), fault.class],
    fault.requested ? "yes" : "no",
    fault.requested && !fault.installed ? el("b", {class: "word-thin"}, "! 0") : number(fault.installed),
    number(fault.skipped), number(fault.indeterminate), number(fault.healed),
    faultNotes(data, fault),
  ]);
  return section("coverage", "Coverage",
    el("p", {class: "lead"}, word(coverage.verdict), ". ", coverage.reason),
    rows.length ? el("div", {class: "panel"}, table([
      {head: "Fault"}, {head: "Requested"}, {head: "Installed", number: true}, {head: "Skipped", number: true},
      {head: "In doubt", number: true}, {head: "Healed", number: true}, {head: "Evidence", wide: true}], rows)) : null);
}

function faultNotes(data, fault) {
  const attempts = data.bands.filter(band => band.class === fault.class);
  const evidence = fault.evidence_sample;
  return [
    fault.reasons.map(reason => el("div", {class: "small"}, reason)),
    evidence ? el("details", {}, el("summary", {}, "what was seen"), el("pre", {}, asText(evidence))) : null,
    attempts.length ? el("details", {toggle: event => {
      const box = event.target;
      if (box.open && box.children.length === 1) box.append(attemptList(data, attempts));
    }}, el("summary", {}, plural(attempts.length, "attempt"))) : null,
  ];
}

function attemptList(data, attempts) {
  const shown = attempts.slice(0, 100);
  const items = shown.map(band => el("li", {class: "small"},
    el("a", {href: "#t=" + band.from.toFixed(3) + "s"}, clockText(data, band.from)), " ",
    el("b", {class: "word-" + band.outcome}, band.outcome), " ",
    [band.kind, band.nodes.join(" ")].filter(Boolean).join(", "),
    band.outcome === "skipped" ? "" : band.open ? ", never healed" : ", " + (band.healed ? "healed" : "heal in doubt") + " after " + milliseconds((band.to - band.from) * 1e3),
    [band.reason, band.heal_reason].filter(Boolean).map(reason => " (" + reason + ")"),
    band.evidence || band.heal_evidence ? el("details", {}, el("summary", {}, "evidence"), el("pre", {}, asText({installed: band.evidence, healed: band.heal_evidence}))) : null));
  return el("div", {}, el("ol", {class: "steps"}, items),
    attempts.length > shown.length ? el("p", {class: "small muted"}, plural(attempts.length - shown.length, "more attempt") + " in history.jsonl.") : null);
}

function recoverySection(data) {
  const {recovered, seconds, reason} = data.recovery;
  if (recovered === null || recovered === undefined) return null;
  const took = seconds === null || seconds === undefined ? "" : (recovered ? " It took " : " It was waited for ") + seconds.toFixed(2) + " s.";
  return section("recovery", "Recovery", el("div", {class: "panel"},
    el("p", {}, el("b", {class: recovered ? "word-valid" : "word-invalid"}, recovered ? "✓ The system served again after the last heal." : "✕ The system did not serve again after the last heal."), took),
    reason ? el("p", {class: "muted"}, reason) : null));
}

/** A part of a whole, with the digits that the summary has. */
function percent(part, whole) {
  return (100 * part / Math.max(whole, 1)).toFixed(1) + " %";
}

function statisticsSection(data) {
  const {stats} = data;
  const {all, availability} = stats;
  const timed = data.clock.timed && stats.duration_ms > 0;
  const tile = (value, label) => el("div", {}, el("b", {}, value), el("span", {}, label));
  const {served, longest_gap: gap} = availability;
  return section("statistics", "Statistics",
    el("div", {class: "panel tiles"},
      tile(count(all.count), "operations"), OUTCOMES.map(name => tile(percent(all[name].count, all.count), name)),
      timed ? tile(milliseconds(stats.duration_ms), "duration") : null,
      timed ? tile(count(Math.round(all.ok.count / stats.duration_ms * 1e3)), "ok per second") : null,
      timed && served ? tile(percent(served.share, 1), `available: intervals of ${milliseconds(served.interval_ms)} with a success`) : null,
      timed && gap ? tile(el("a", {href: "#t=" + (gap.start_time / 1e9).toFixed(3) + "s"}, milliseconds(gap.length_ms)), "longest time without a success") : null),
    functionsPanel(stats, timed), nodesPanel(availability), errorsPanel(data));
}

function functionsPanel({all, by_f, functions_omitted, availability}, timed) {
  if (!by_f.length) return null;
  const rows = (name, outcomes) => OUTCOMES.filter(outcome => outcomes[outcome].count).map(outcome => {
    const {count: number, latency} = outcomes[outcome];
    const cell = quantile => latency && timed ? milliseconds(latency[quantile]) : "";
    return [name, [dot(`var(--${outcome})`), outcome], count(number), percent(number, outcomes.count),
      ...["p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms"].map(cell)];
  });
  return el("div", {class: "panel"},
    table([{head: "Function"}, {head: "Outcome"}, ...["Count", "Share", "p50", "p95", "p99", "p99.9", "max"].map(head => ({head, number: true}))],
      [...by_f.flatMap(({f, outcomes}) => rows(f, outcomes)),
        ...(by_f.length + functions_omitted > 1 ? rows("all functions", all) : [])]),
    note(functions_omitted, "more function", " in results.json."),
    note(availability.unanswered, "operation", " never completed; counted as info."));
}

function nodesPanel({nodes, nodes_omitted}) {
  if (!nodes.length) return null;
  return el("div", {class: "panel"}, el("h3", {}, "By the node that the client spoke to"),
    table([{head: "Node"}, {head: "Completed", number: true}, {head: "ok", number: true}, {head: "Share ok", number: true}],
      nodes.map(({node, ok, completed}) => [node, count(completed), count(ok), percent(ok, completed)])),
    note(nodes_omitted, "more node", " in results.json."));
}

function errorsPanel(data) {
  const {errors, errors_omitted} = data.stats;
  if (!errors.length) return null;
  const link = (position, time) => {
    const name = "event " + count(position);
    return el("a", {href: "#op=" + position, title: name}, data.clock.timed ? clockText(data, time / 1e9) : name);
  };
  return el("div", {class: "panel"}, el("h3", {}, "Errors"),
    table([{head: "Outcome"}, {head: "Function"}, {head: "Count", number: true}, {head: "Error", wide: true}, {head: "First", number: true}, {head: "Last", number: true}],
      errors.map(group => [[dot(`var(--${group.fate})`), group.fate], group.f, count(group.count), el("span", {class: "mono"}, group.error),
        link(group.first, group.first_time), link(group.last, group.last_time)])),
    note(errors_omitted, "operation", " with other errors."));
}

/** A line below a table about what is not in it; nothing if there is nothing. */
function note(number, noun, rest) {
  return number ? el("p", {class: "small muted"}, plural(number, noun) + rest) : null;
}

function crashesSection(data) {
  if (!data.crashes.length) return null;
  return section("crashes", "Servers that died by themselves", data.crashes.slice(0, 50).map(crash =>
    el("div", {class: "panel"},
      el("h3", {}, (crash.node || "a server") + " at ", el("a", {href: "#t=" + crash.at.toFixed(3) + "s"}, clockText(data, crash.at)), crash.status ? ": " + crash.status : ""),
      crash.log_tail ? el("details", {open: data.crashes.length < 3}, el("summary", {}, "Last lines of its log"), el("pre", {}, crash.log_tail)) : null)));
}

function filesSection(data) {
  if (!data.logs.length && !data.files.length) return null;
  const link = file => el("a", {href: file.split("/").map(encodeURIComponent).join("/")}, file);
  return section("files", "Logs and files",
    data.logs.length ? el("div", {class: "panel"}, data.logs.map(log => el("details", {},
      el("summary", {}, log.node + " · " + log.file.split("/").pop() + (log.cut ? " · the end of it" : "")),
      el("pre", {}, log.text), el("p", {class: "small"}, link(log.file))))) : null,
    data.files.length ? el("div", {class: "panel"}, el("ul", {class: "files"}, data.files.map(file => el("li", {class: "small"}, link(file))))) : null);
}
