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

function statisticsSection(data) {
  const {stats} = data;
  const {ok, fail, info} = stats.operations;
  const total = ok + fail + info;
  const share = (part, whole) => whole ? (100 * part / whole).toFixed(part && part / whole < 0.1 ? 1 : 0) + " %" : "";
  const available = stats.availability;
  const tile = (value, label) => el("div", {}, el("b", {}, value), el("span", {}, label));
  const gap = el("a", {href: "#t=" + available.longest_gap_from_seconds.toFixed(3) + "s"}, milliseconds(available.longest_gap_seconds * 1e3));
  const timed = data.clock.timed && stats.duration_seconds > 0;
  const rows = stats.groups.map(group => {
    const l = group.latency;
    const cell = name => l && timed ? milliseconds(l[name]) : "";
    const all = stats.groups.filter(other => other.f === group.f).reduce((sum, other) => sum + other.count, 0);
    return [group.f, [dot(`var(--${group.outcome})`), group.outcome], count(group.count), share(group.count, all),
      cell("ms_p50"), cell("ms_p95"), cell("ms_p99"), cell("ms_max")];
  });
  const errors = stats.errors.map(error => [
    [dot(`var(--${error.outcome})`), error.outcome], error.f, count(error.count),
    el("span", {class: "mono"}, error.error), el("a", {href: "#op=" + error.first}, "event " + count(error.first)),
  ]);
  return section("statistics", "Statistics",
    el("div", {class: "panel tiles"},
      tile(count(total), "operations"), tile(share(ok, total) || "0 %", "ok"), tile(share(fail, total) || "0 %", "fail"), tile(share(info, total) || "0 %", "info"),
      timed ? tile(milliseconds(stats.duration_seconds * 1e3), "duration") : null,
      timed ? tile(count(Math.round(ok / stats.duration_seconds)), "ok per second") : null,
      timed ? tile(share(available.served_share, 1), `available: intervals of ${available.interval_seconds} s with a success`) : null,
      timed ? tile(gap, "longest time without a success") : null),
    rows.length ? el("div", {class: "panel"}, table([
      {head: "Function"}, {head: "Outcome"}, {head: "Count", number: true}, {head: "Share", number: true},
      {head: "p50", number: true}, {head: "p95", number: true}, {head: "p99", number: true}, {head: "max", number: true}], rows)) : null,
    errors.length ? el("div", {class: "panel"}, el("h3", {}, "Errors"), table([
      {head: "Outcome"}, {head: "Function"}, {head: "Count", number: true}, {head: "Error", wide: true}, {head: "First"}], errors),
      stats.other_errors ? el("p", {class: "small muted"}, plural(stats.other_errors, "operation") + " with other errors.") : null) : null);
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
