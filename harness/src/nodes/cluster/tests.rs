use std::time::Duration;

use crate::nodes::fake::{FakeTarget, cluster};

/// The complaint of a deploy that fails.
async fn complaint(target: FakeTarget) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (cluster, _) = cluster(target, 2, dir.path());
    let error = cluster.deploy().await.expect_err("no deploy").to_string();
    cluster.teardown().await;
    error
}

#[tokio::test]
async fn a_server_that_dies_at_start_is_told_with_the_end_of_its_log() {
    let command = &["sh", "-c", "echo the disk is on fire >&2; exit 3"];
    let error = complaint(FakeTarget { command, answers: false, primary: None }).await;
    for part in ["node n1", "while starting (exit code 3)", "n1/server.log", "the disk is on fire"] {
        assert!(error.contains(part), "`{part}` is missing in {error}");
    }
}

#[tokio::test]
async fn a_server_that_dies_before_there_is_a_primary_is_told_without_waiting_for_one() {
    // It lives long enough to be asked, and to answer.
    let command = &["sh", "-c", "sleep 0.3; exit 4"];
    let target = FakeTarget { command, answers: true, primary: None };
    let error = tokio::time::timeout(Duration::from_secs(10), complaint(target)).await;
    let error = error.expect("no waiting for a primary that cannot be");
    assert!(error.contains("while starting (exit code 4)"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = complaint(FakeTarget { command: &["/nowhere/server"], ..FakeTarget::default() }).await;
    assert!(error.contains("cannot start `/nowhere/server`: No such file"), "{error}");
}

#[tokio::test]
async fn what_we_do_to_servers_is_read_back_and_is_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (cluster, crashes) = cluster(FakeTarget::default(), 2, dir.path());
    cluster.deploy().await.unwrap();

    let paused = cluster.pause("n1").await.unwrap().expect("a running server");
    let pid = paused["pid"].as_i64().unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state().contains(") T "), "{}", state());
    cluster.resume("n1").await.unwrap().expect("a running server");
    assert!(!state().contains(") T "), "{}", state());

    cluster.pause("n1").await.unwrap().expect("a running server");
    let killed = cluster.kill("n1").await.unwrap().expect("a running server");
    assert_eq!((&killed["pid"], &killed["reaped"]), (&pid.into(), &"killed by SIGKILL".into()));
    assert_eq!(state(), "", "a zombie is left");
    for nothing in [cluster.kill("n1").await, cluster.pause("n1").await, cluster.resume("n1").await] {
        assert_eq!(nothing.unwrap(), None, "there is no server");
    }

    let started = cluster.start("n1").await.unwrap();
    assert_ne!(started["pid"], pid);
    assert_eq!(cluster.start("n1").await.unwrap()["already_running"], true);
    cluster.teardown().await;
    assert_eq!(*crashes.lock().unwrap(), []);
}

#[tokio::test]
async fn a_server_that_dies_by_itself_is_a_crash_with_the_end_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["sh", "-c", "echo out of luck; kill -SEGV $$"];
    let (cluster, crashes) = cluster(FakeTarget { command, ..FakeTarget::default() }, 1, dir.path());
    // It may die before or after it has been asked.
    let _ = cluster.deploy().await;
    let told = async {
        while crashes.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("a crash");
    let crash = crashes.lock().unwrap().clone();
    assert_eq!(crash, [("n1".to_owned(), "killed by SIGSEGV".to_owned(), "out of luck".to_owned())]);
}
