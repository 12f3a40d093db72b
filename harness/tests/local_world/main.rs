//! The local sandbox and its network, tried on this machine.
//!
//! A test here plays a *scene*: this same program, started again, enters the
//! sandbox and acts there, and the test watches from outside. What the machine
//! cannot do is skipped with the reason.

mod doctor;
mod network;
mod sandbox;
mod scene;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use scene::Skip;

type Test = fn() -> Result<(), Skip>;

const TESTS: &[(&str, Test)] = &[
    ("the_doctor_leaves_nothing_behind", doctor::leaves_nothing_behind),
    ("the_doctor_sees_an_ordinary_user", doctor::as_a_user),
    ("the_exit_code_is_the_controllers", sandbox::exit_code),
    ("a_late_entry_is_refused", sandbox::late_entry),
    ("a_signal_arrives_once", sandbox::signals),
    ("a_terminal_interrupt_arrives_once", sandbox::terminal_interrupt),
    ("stopping_and_continuing_reaches_the_controller", sandbox::stop_and_continue),
    ("nothing_survives_the_stub", sandbox::death_of_the_stub),
    ("nothing_survives_init", sandbox::death_of_init),
    ("nothing_survives_the_controller", sandbox::death_of_the_controller),
    ("nothing_survives_for_an_ordinary_user", sandbox::death_as_a_user),
    ("faults_on_tap_ports", network::tap),
    ("faults_on_packet_ports", network::packet),
    ("faults_for_an_ordinary_user", network::as_a_user),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, scene, rest @ ..] = arguments.as_slice()
        && flag == scene::FLAG
    {
        return scene::play(scene, rest);
    }
    run_tests(&arguments)
}

/// Speaks as much of the usual test runner's language as `cargo test` needs:
/// `--list`, a filter, and flags that change nothing here.
fn run_tests(arguments: &[String]) -> ExitCode {
    let filters: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(*part));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
            continue;
        }
        let verdict = match catch_unwind(AssertUnwindSafe(test)) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(Skip(reason))) => format!("skipped: {reason}"),
            Err(_) => {
                failed += 1;
                "FAILED".to_owned()
            }
        };
        println!("test {name} ... {verdict}");
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        println!("{failed} failed");
        ExitCode::FAILURE
    }
}
