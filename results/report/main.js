// Puts the sections together and follows links into them.

function contents(data, sections) {
  const names = {rerun: "Run again", evidence: "Evidence", checkers: "Checkers", coverage: "Coverage", recovery: "Recovery",
    statistics: "Statistics", charts: "Charts", timeline: "Timeline", crashes: "Crashes", files: "Files"};
  return el("nav", {"aria-label": "Sections"}, el("div", {},
    el("a", {class: "brand", href: "#verdict"}, "Stormglass"),
    sections.filter(part => part.id in names).map(part => el("a", {href: "#" + part.id}, names[part.id])),
    el("span", {class: "word word-" + data.verdict}, (ICONS[data.verdict] || "?") + " " + data.verdict)));
}

/** Follows #op=123 (an event's index) and #t=12.5s. */
function follow(timeline) {
  const found = /^#(op|t)=([0-9.]+)s?$/.exec(location.hash);
  if (!found || !timeline) return;
  const number = Number(found[2]);
  if (!Number.isFinite(number)) return;
  if (found[1] === "t") timeline.showTime(number);
  else if (!timeline.goTo(number)) timeline.detail.replaceChildren(el("p", {class: "pinned muted"}, `Event ${number} is not an operation drawn here; it is line ${number + 1} of history.jsonl.`));
  timeline.canvas.scrollIntoView({block: "center"});
}

function main() {
  const data = loadRun();
  const {section: shown, timeline} = timelineSection(data);
  const sections = [
    verdictSection(data), rerunSection(data), evidenceSection(data), checkersSection(data), coverageSection(data),
    recoverySection(data), statisticsSection(data), chartsSection(data), shown, crashesSection(data), filesSection(data),
  ].filter(Boolean);
  document.getElementById("report").replaceChildren(contents(data, sections), el("main", {}, sections));
  if (timeline) timeline.start();
  addEventListener("hashchange", () => follow(timeline));
  follow(timeline);
  // For the console of a curious reader.
  window.stormglass = {data, timeline};
  document.documentElement.dataset.ready = String(data.ops.count);
}

main();
