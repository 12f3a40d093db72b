use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;
use crate::nemesis::Aim;
use crate::nodes::fake::{FakeTarget, cluster};

/// Links that remember what was imposed on them.
#[derive(Default)]
struct FakeLinks {
    imposed: Mutex<Vec<Grudge>>,
    /// Whether probes find something else.
    disobeys: AtomicBool,
}

impl FakeLinks {
    fn imposed(&self) -> Vec<String> {
        self.imposed.lock().unwrap().iter().map(Grudge::to_string).collect()
    }
}

impl Links for FakeLinks {
    fn impose(&self, grudge: &Grudge) -> Result<LinkCheck, String> {
        self.imposed.lock().unwrap().push(grudge.clone());
        Ok(LinkCheck { holds: !self.disobeys.load(SeqCst), evidence: json!({"links": 6}) })
    }
}

struct Scene {
    storm: Arc<Storm>,
    links: Arc<FakeLinks>,
    recorder: Arc<Recorder>,
    dir: tempfile::TempDir,
}

impl Scene {
    /// Three nodes with servers, all calm.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (cluster, _) = cluster(FakeTarget::default(), 3, dir.path());
        cluster.deploy().await.unwrap();
        let recorder = Arc::new(Recorder::create(&dir.path().join("history.jsonl")).unwrap());
        let links = Arc::new(FakeLinks::default());
        let storm = Storm::new(cluster, Arc::clone(&links) as Arc<dyn Links>, Arc::clone(&recorder));
        Scene { storm: Arc::new(storm), links, recorder, dir }
    }

    /// Carries out steps that begin at once, until `calm` finds that it is enough.
    async fn rage(&self, faults: &[(u64, Fault)], enough: impl Fn() -> bool) {
        let step = |(id, (for_ms, fault)): (usize, &(u64, Fault))| Step {
            id: id as u64,
            at_ms: 0,
            for_ms: *for_ms,
            after: None,
            fault: fault.clone(),
        };
        let steps = faults.iter().enumerate().map(step).collect();
        let (calm_down, calm) = watch::channel(false);
        let raging = tokio::spawn(Arc::clone(&self.storm).rage(Schedule { format: 1, steps }, calm));
        let waited = async {
            while !enough() && !raging.is_finished() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waited).await.expect("the storm gets there");
        // Nobody listens any more when every step has ended.
        let _ = calm_down.send(true);
        tokio::time::timeout(Duration::from_secs(20), raging).await.expect("calm comes").unwrap();
    }

    /// What was recorded: `f action outcome`, and the reason where there is one.
    async fn told(self) -> Vec<(String, String)> {
        self.storm.cluster.teardown().await;
        self.recorder.close().unwrap();
        let text = std::fs::read_to_string(self.dir.path().join("history.jsonl")).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let word = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let told = events.map(|event| {
            let what = [&event["f"], &event["value"]["action"], &event["outcome"]].map(word).join(" ");
            (what, word(&event["evidence"]["reason"]))
        });
        told.collect()
    }
}

fn cut(grudge: &str) -> Fault {
    Fault::Partition { kind: "custom".to_owned(), grudge: Some(grudge.parse().unwrap()) }
}

fn on_n1(fault: fn(Aim, Option<Vec<String>>) -> Fault) -> Fault {
    fault(Aim::One, Some(vec!["n1".to_owned()]))
}

fn kill(aim: Aim, nodes: Option<Vec<String>>) -> Fault {
    Fault::Kill { aim, nodes }
}

fn pause(aim: Aim, nodes: Option<Vec<String>>) -> Fault {
    Fault::Pause { aim, nodes }
}

#[tokio::test]
async fn a_fault_on_a_server_that_does_not_run_is_skipped() {
    let scene = Scene::new().await;
    scene.storm.cluster.kill("n1").await.unwrap().expect("a running server");
    scene.rage(&[(0, on_n1(kill)), (0, on_n1(pause))], || false).await;
    assert!(scene.storm.in_force().is_empty());
    let mut told = scene.told().await;
    told.sort();
    let [(kill, why_no_kill), (pause, why_no_pause)] = &told[..] else {
        panic!("nothing is healed that was not done: {told:?}");
    };
    assert_eq!([kill.as_str(), pause.as_str()], ["kill install skipped", "pause install skipped"]);
    for why in [why_no_kill, why_no_pause] {
        assert!(why.starts_with("none of the nodes has a running server"), "{why}");
    }
}

#[tokio::test]
async fn a_grudge_that_probes_do_not_find_is_in_doubt() {
    let scene = Scene::new().await;
    scene.links.disobeys.store(true, SeqCst);
    scene.rage(&[(0, cut("n1:n2"))], || false).await;
    assert_eq!(scene.links.imposed(), ["n1:n2", ""], "in doubt, it is healed all the same");
    let told = scene.told().await;
    let expected = [
        ("partition install indeterminate", "probes found links other than the grudge says"),
        ("partition heal indeterminate", "probes found links other than the grudge says"),
    ];
    assert_eq!(told, expected.map(|(what, why)| (what.to_owned(), why.to_owned())));
}

#[tokio::test]
async fn calm_heals_what_is_in_force() {
    let scene = Scene::new().await;
    const LONG: u64 = 600_000;
    let faults = [(LONG, cut("n1:n2")), (LONG, on_n1(pause))];
    scene.rage(&faults, || scene.storm.in_force().len() == 2).await;
    assert!(scene.storm.in_force().is_empty());
    assert_eq!(scene.links.imposed(), ["n1:n2", ""]);
    let resumed = scene.storm.cluster.resume("n1").await.unwrap().expect("a running server");
    assert_eq!(resumed["state"], "running");
    let told: BTreeSet<_> = scene.told().await.into_iter().map(|(what, _)| what).collect();
    let expected = [
        "partition install installed",
        "partition heal healed",
        "pause install installed",
        "pause heal healed",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn a_step_that_calm_comes_before_is_not_begun() {
    let scene = Scene::new().await;
    let (calm_down, calm) = watch::channel(true);
    let steps = vec![Step { id: 0, at_ms: 600_000, for_ms: 1, after: None, fault: cut("n1:n2") }];
    Arc::clone(&scene.storm).rage(Schedule { format: 1, steps }, calm).await;
    drop(calm_down);
    assert_eq!(scene.links.imposed(), [""; 0]);
    assert_eq!(scene.told().await, []);
}

#[tokio::test]
async fn partitions_that_overlap_add_up_and_heal_one_by_one() {
    let scene = Scene::new().await;
    let partitions = &scene.storm.partitions;
    let grudge = |text: &str| text.parse::<Grudge>().unwrap();
    let union = "n1:n2,n3;n2:n1";
    assert!(matches!(partitions.begin(1, grudge("n1:n2")), Injection::Installed(_)));
    assert!(matches!(partitions.begin(2, grudge(union)), Injection::Installed(_)));
    assert!(matches!(partitions.begin(3, grudge("n1:n3")), Injection::Skipped(_)), "it would add nothing");
    // The link that both had cut stays cut until both are healed.
    let first = partitions.end(1);
    assert_eq!((first.doubt, &first.evidence["links_still_cut_by_other_partitions"]), (None, &json!(1)));
    assert_eq!(partitions.end(2).doubt, None);
    assert_eq!(scene.links.imposed(), ["n1:n2", union, union, ""]);
    let _ = scene.told().await;
}

#[tokio::test]
async fn whoever_is_primary_is_found_out_when_the_fault_begins() {
    let scene = Scene::new().await;
    let around = Fault::Partition { kind: "primaries".to_owned(), grudge: None };
    scene.rage(&[(0, around)], || false).await;
    assert_eq!(scene.links.imposed(), ["n1:n2,n3;n2:n1;n3:n1", ""]);
    let _ = scene.told().await;
}

#[tokio::test]
async fn healing_everything_starts_and_continues_every_server() {
    let scene = Scene::new().await;
    let cluster = &scene.storm.cluster;
    cluster.kill("n1").await.unwrap().expect("a running server");
    cluster.pause("n2").await.unwrap().expect("a running server");
    scene.storm.partitions.begin(7, "n1:n2".parse().unwrap());
    assert_eq!(scene.storm.heal_all().await, Unhealed::default());
    assert_eq!(scene.links.imposed(), ["n1:n2", ""]);
    let started = cluster.start("n1").await.unwrap();
    assert_eq!(started["already_running"], true);
    scene.links.disobeys.store(true, SeqCst);
    assert_eq!(scene.storm.heal_all().await.ours, ["links are still blocked after healing"]);
    let told: Vec<_> = scene.told().await.into_iter().map(|(what, _)| what).collect();
    assert_eq!(told, ["heal heal healed", "heal heal indeterminate"]);
}
