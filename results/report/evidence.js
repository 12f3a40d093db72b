// Why the verdict is invalid: each piece of evidence with its drawing and its argument.

const DRAWN_AT_MOST = 120;

function evidenceSection(data) {
  if (!data.evidence.length) return null;
  const hidden = data.checkers.reduce((sum, c) => sum + c.evidence_total - c.evidence.length, 0);
  const panels = data.evidence.map((evidence, n) => n < 3
    ? el("div", {class: "panel"}, evidencePanel(data, evidence))
    : el("details", {class: "panel", toggle: event => {
      // Drawn when it is looked at.
      const box = event.target;
      if (box.open && box.children.length === 1) box.append(...evidencePanel(data, evidence));
    }}, el("summary", {}, evidence.sentence || evidence.kind)));
  return section("evidence", "The evidence",
    el("p", {class: "lead"}, plural(data.evidence.length, "finding") + ", the most telling first. Bars are operations from invocation to completion, in the order of events; distances are not to scale."),
    panels,
    hidden ? el("p", {class: "muted small"}, plural(hidden, "further finding") + " in results.json.") : null);
}

function evidencePanel(data, evidence) {
  // The argument calls them T1, T2 and so on.
  (evidence.transactions || []).forEach((transaction, n) => { transaction.name = "T" + (n + 1); });
  const all = (evidence.window || evidence.operations || evidence.transactions || []).filter(op => op && typeof op === "object" && "call" in op);
  const context = (evidence.context || []).filter(op => op && typeof op === "object").map(op => ({...op, context: true}));
  const window = around(all, evidence.blocked);
  const operations = [...context, ...window];
  const omitted = all.length - window.length + (evidence.window_omitted || 0);
  const optional = new Set(evidence.window_optional || []);
  operations.forEach(op => { op.optional = optional.has(op.call); });
  const order = (evidence.prefix || []).filter(call => operations.some(op => op.call === call));
  return [
    el("p", {class: "small muted"}, [evidence.checker, keyText(evidence), evidence.problem || evidence.anomaly].filter(Boolean).join(" · ")),
    el("p", {class: "finding"}, evidence.sentence || ""),
    operations.length ? laneDrawing(data, operations, evidence.blocked, order) : null,
    omitted ? el("p", {class: "small muted"}, `${window.length} of the ${count(window.length + omitted)} operations of this window are drawn.`) : null,
    operations.length ? laneLegend(evidence, operations, order) : null,
    argument(evidence, order, operations),
    rest(evidence),
    operations.length || evidence.blocked !== undefined
      ? el("p", {class: "small"}, el("a", {href: "#op=" + (evidence.blocked ?? operations[0].call)}, "Show it in the timeline")) : null,
  ].filter(Boolean);
}

function keyText(evidence) {
  if (evidence.key !== undefined && evidence.key !== null) return "key " + oneLine(evidence.key);
  return "element" in evidence ? "element " + oneLine(evidence.element) : null;
}

/** Of a large window the operations nearest to the blocked one. */
function around(operations, blocked) {
  if (operations.length <= DRAWN_AT_MOST) return operations;
  const at = Math.max(0, operations.findIndex(op => op.call === blocked));
  const from = Math.max(0, Math.min(at - DRAWN_AT_MOST / 2, operations.length - DRAWN_AT_MOST));
  return operations.slice(from, from + DRAWN_AT_MOST);
}

function laneLegend(evidence, operations, order) {
  const fates = new Set(operations.map(op => op.fate));
  return el("div", {class: "legend"},
    evidence.blocked === undefined ? null : el("span", {}, dot("var(--bad)"), "cannot be placed"),
    fates.has("ok") ? el("span", {}, dot("var(--ok)"), "ok") : null,
    fates.has("fail") ? el("span", {}, dot("var(--fail)"), "fail: did not happen") : null,
    fates.has("info") ? el("span", {}, dot("var(--info)"), "info: may have happened, at any later time") : null,
    operations.some(op => op.context) ? el("span", {}, "pale: what came before the failing window") : null,
    operations.some(op => op.optional) ? el("span", {}, "dashed: may take effect in this window or not") : null,
    order.length ? el("span", {}, "① ② … an order that works, as far as one goes") : null);
}

function states(list) {
  return list.map((state, n) => [n ? " or " : "", el("span", {class: "state"}, String(state))]).flat();
}

function argument(evidence, order, operations) {
  const {window_start_states: start, final_states: final, steps} = evidence;
  const by = new Map(operations.map(op => [op.call, op]));
  const parts = [
    start && start.length && !operations.some(op => op.context) ? [el("h3", {}, "Where the failing window begins"), el("p", {}, "The state is ", states(start), ".")] : null,
    order.length ? [el("h3", {}, "An order that works, as far as one goes"),
      evidence.prefix_length > order.length ? el("p", {class: "small muted"}, `It takes in ${plural(evidence.prefix_length, "operation")}; these are the last of them.`) : null,
      el("ol", {class: "steps"}, order.map(call => el("li", {}, by.get(call).text)))] : null,
    final && final.length ? [el("h3", {}, "After that"), el("p", {}, "The state is ", states(final), ".")] : null,
  ].filter(Boolean);
  const why = steps && steps.length
    ? [el("h3", {}, evidence.kind === "linearizability" ? "Why there is no way on" : "Step by step"), el("ol", {class: "steps"}, steps.map(step => el("li", {}, typeof step === "string" ? step : step.sentence)))] : null;
  if (!parts.length && !why) return null;
  return el("div", {class: "proof"}, parts.length ? el("div", {}, parts) : null, why ? el("div", {}, why) : null);
}

const SHOWN_FIELDS = ["kind", "checker", "key", "element", "problem", "sentence", "blocked", "prefix", "prefix_length",
  "final_states", "steps", "window", "operations", "transactions", "anomaly", "window_start_states", "context", "window_optional", "window_omitted"];

/** Whatever a kind of evidence has that this page does not know. */
function rest(evidence) {
  const unknown = Object.entries(evidence).filter(([name]) => !SHOWN_FIELDS.includes(name));
  if (!unknown.length) return null;
  return el("details", {open: !evidence.window && !evidence.operations && !evidence.transactions}, el("summary", {}, "Details"), el("pre", {}, asText(Object.fromEntries(unknown))));
}
