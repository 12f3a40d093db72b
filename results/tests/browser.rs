//! The report in a real browser: everything there, nothing broken, nothing asked of the network.
//!
//! Needs Chromium; without one the test says so and passes. `STORMGLASS_BROWSER` names another.

#[path = "../examples/sample_report/run.rs"]
mod sample_run;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use checkers::jsonl::{self, TornTail};
use checkers::{Event, EventType, History, Judgement, Process};
use results::compose::{Trouble, compose};
use results::coverage::{Coverage, Demands};
use results::report::{ReportInput, render};
use results::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings, RunResults};
use results::stats::Stats;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(90);

fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("STORMGLASS_BROWSER") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|n| folder.join(n))).find(|file| file.is_file())
}

/// The page after its scripts have run, as the browser writes it out.
fn dump(browser: &Path, folder: &Path, name: &str, page: &str, hash: &str) -> String {
    let file = folder.join(format!("{name}.html"));
    let out = folder.join(format!("{name}.dom"));
    fs::write(&file, page).expect("the page can be written");
    let mut child = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--no-first-run", "--window-size=1400,3000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join(format!("{name}.profile")).display()))
        .arg(format!("file://{}{hash}", file.display()))
        .stdout(File::create(&out).expect("a file for the page"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the browser starts");
    let began = Instant::now();
    while child.try_wait().expect("the browser is ours").is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().expect("the browser is ours");
            panic!("the browser did not finish {name} within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::read_to_string(&out).expect("the browser wrote the page")
}

fn results(
    history: &History,
    judgement: Judgement,
    demands: &Demands,
    plan: serde_json::Value,
) -> RunResults {
    let checkers: CheckerResults =
        [("linearizable".to_owned(), CheckerResult::new(judgement, Duration::from_millis(5)))]
            .into_iter()
            .collect();
    let coverage = Coverage::of(history, demands);
    let recovery = Recovery { recovered: Some(true), seconds: Some(1.5), reason: String::new() };
    RunResults::from(RunFindings {
        overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
        checkers,
        coverage,
        stats: Stats::of(history),
        recovery,
        seed: Some(7),
        plan,
    })
}

/// The tag `<html …>`, where the page keeps what went wrong with it.
fn root(dom: &str) -> &str {
    dom.split('>').find(|tag| tag.contains("<html")).unwrap_or_default()
}

fn sound(name: &str, dom: &str) {
    assert!(root(dom).contains("data-ready"), "{name}: the page did not come to its end: {}", root(dom));
    assert!(!root(dom).contains("data-errors"), "{name}: {}", root(dom));
    // The page's scripts are in the dump as well; what was built comes before the data.
    let built = dom.split("id=\"data\"").next().unwrap_or_default();
    for outside in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(", "@import", "<link"] {
        assert!(!built.contains(outside), "{name} asks for something outside: {outside}");
    }
    for broken in ["[object ", "undefined", "NaN"] {
        assert!(!built.contains(broken), "{name} shows {broken}");
    }
}

#[test]
fn reports_work_in_a_browser() {
    let Some(browser) = browser() else {
        println!("skipped: no Chromium found in PATH");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let load = |name: &str, results: &RunResults, history: &History, hash: &str| {
        let page = render(&ReportInput::of_history(results, history));
        let dom = dump(&browser, folder.path(), name, &page, hash);
        sound(name, &dom);
        dom
    };

    let sample = sample_run::sample(5_000, 3);
    let judgement = Judgement::invalid("wgl", vec![sample.evidence]);
    let demands = Demands::of_run(["partition", "kill"]);
    let plan =
        json!({"target": "raft-kv", "workload": "register", "rerun": "stormglass run raft-kv --seed 7"});
    let found = results(&sample.history, judgement, &demands, plan);
    let dom = load("sample", &found, &sample.history, "#op=1000");
    for text in [
        "Invalid: the system broke its promise",
        "stormglass run raft-kv --seed 7",
        "class=\"op ok blocked\"",
        "id=\"coverage\"",
        "id=\"recovery\"",
        "id=\"statistics\"",
        ">p99.9</th>",
        "<tr><td>all functions</td><td><span class=\"dot\" style=\"background:var(--ok)\" aria-hidden=\"true\"></span>ok</td>",
        "By the node that the client spoke to",
        "longest time without a success",
        "id=\"charts\"",
        "id=\"timeline\"",
        "checksum mismatch at offset 81920",
        "data-frame-ms",
        "class=\"pinned\"",
    ] {
        assert!(dom.contains(text), "the sample's page lacks {text}");
    }

    let evil = "</script><script>document.documentElement.dataset.owned=1</script><img src=x onerror=\"document.documentElement.dataset.owned=2\">";
    let event = |time, event_type| {
        let mut event = Event::new(time, Process::client(0).expect("0"), event_type, evil, evil);
        event.node = Some(evil.into());
        event.extra.get_or_insert_default().error = Some(evil.into());
        event
    };
    let history =
        History::new(vec![event(1, EventType::Invoke), event(2, EventType::Fail)]).expect("a history");
    let plan =
        json!({"target": evil, "rerun": evil, "__proto__": evil, "versions": {evil: evil}, evil: [evil]});
    let found = results(&history, Judgement::unknown("a", evil), &Demands::of_run([evil]), plan);
    let dom = load("hostile", &found, &history, "#op=0");
    assert!(!root(&dom).contains("data-owned") && !dom.contains("<img"), "a string became markup");

    let nothing = results(&History::default(), Judgement::valid("a"), &Demands::of_file(), json!(null));
    let dom = load("empty", &nothing, &History::default(), "#t=1s");
    assert!(dom.contains("Unknown: the run tried too little") && !dom.contains("id=\"timeline\""));

    let lines = r#"{"time":0,"process":0,"type":"invoke","f":"txn","value":[["append",1,2]]}
{"time":0,"process":0,"type":"ok","f":"txn","value":[["append",1,2]]}
{"time":0,"process":"nemesis","type":"info","f":"start-partition","value":"majority"}
{"time":0,"process":1,"type":"invoke","f":"txn","value":[["r",1,null]]}
"#;
    let history = jsonl::read(lines.as_bytes(), TornTail::Refuse).expect("a history").history;
    let untimed = results(&history, Judgement::valid("a"), &Demands::of_file(), json!(null));
    let dom = load("untimed", &untimed, &history, "#op=3");
    assert!(dom.contains("never answered") && !dom.contains("id=\"charts\""));
}
