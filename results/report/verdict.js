// What was found, and how to find it again.

const ICONS = {valid: "✓", invalid: "✕", unknown: "?"};

function headline(data) {
  switch (data.exit_code) {
    case 0: return "Valid: the system kept every promise that was checked";
    case 1: return "Invalid: the system broke its promise";
    case 3: return "Valid, but the system did not recover";
    case 130: return data.verdict === "invalid"
      ? "Invalid: the system broke its promise before the run was interrupted" : "Unknown: the run was interrupted";
    case 255: return "Unknown: the harness failed, not the system";
    default:
      return data.coverage.verdict === "thin" && data.checkers.length && data.checkers.every(c => c.verdict === "valid")
        ? "Unknown: the run tried too little" : "Unknown: neither shown nor refuted";
  }
}

function verdictSection(data) {
  const broken = data.checkers.filter(checker => checker.verdict === "invalid");
  const by = broken.length ? " · found by " + broken.map(checker => checker.name).join(", ") : "";
  return el("header", {class: "verdict is-" + data.verdict, id: "verdict"},
    el("div", {class: "icon", "aria-hidden": "true"}, ICONS[data.verdict] || "?"),
    el("div", {},
      el("div", {class: "class"}, data.title + by + " · exit code " + data.exit_code),
      el("h1", {}, headline(data)),
      el("p", {}, data.reason)));
}

function copyButton(text) {
  const button = el("button", {type: "button", click: async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch (refused) {
      // A page opened from a file may be denied the clipboard.
      const area = el("textarea", {style: "position:fixed;opacity:0"});
      area.value = text;
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    button.textContent = done ? "Copied" : "Select and copy";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  }}, "Copy");
  return button;
}

function rerunSection(data) {
  const plan = data.plan && typeof data.plan === "object" ? data.plan : {};
  const named = ["rerun", "versions", "kernel", "git", "seed", "target", "workload", "format"];
  const simple = Object.entries(plan).filter(([name, value]) =>
    name && !named.includes(name) && value !== null && (typeof value !== "object" || Array.isArray(value) && value.every(v => typeof v !== "object")));
  const pairs = [
    ["Seed", data.seed && el("span", {class: "mono"}, data.seed)],
    ...Object.entries(plan.versions || {}).map(([name, value]) => [name, oneLine(value)]),
    ["Kernel", oneLine(plan.kernel)],
    ["Git", oneLine(plan.git)],
    ...simple.map(([name, value]) => [name[0].toUpperCase() + name.slice(1).replaceAll("_", " "), oneLine(value)]),
  ].filter(([, value]) => value);
  if (!plan.rerun && !pairs.length && !data.schedule) return null;
  return section("rerun", "Run it again",
    el("div", {class: "panel"},
      plan.rerun ? el("div", {class: "command"}, el("pre", {}, plan.rerun), copyButton(plan.rerun)) : null,
      pairs.length ? facts(pairs) : null,
      data.seed ? el("p", {class: "small muted"}, "The seed fixes every choice of the harness. It cannot fix the kernel’s scheduling, so a violation may need several attempts.") : null,
      Object.keys(plan).length ? el("details", {}, el("summary", {}, "Whole plan"), el("pre", {}, asText(plan))) : null,
      data.schedule ? el("details", {}, el("summary", {}, "Schedule of faults"), el("pre", {}, asText(data.schedule))) : null));
}
