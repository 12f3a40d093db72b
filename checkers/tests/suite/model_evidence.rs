//! What the evidence of a violation claims, held against the definition of the model.

use checkers::evidence::{Evidence, Finding, LinearizabilityEvidence};
use checkers::linearizability::{Answer, Refutation, check_operations, fails_from};
use checkers::model::{Calls, Model};
use checkers::models::AnyModel;
use checkers::registry::model_by_name;
use checkers::{Budget, History, Judgement, Linearizability};

use crate::models::linearizable;
use crate::plain::Plain;
use crate::text::lines;

/// Each piece of evidence is true, and so is what the search says of each object by itself.
pub fn evidence_holds(plain: &Plain, history: &History, judgement: &Judgement) {
    assert!(!judgement.evidence.is_empty(), "{}", lines(history));
    for evidence in &judgement.evidence {
        match evidence {
            Evidence::Finding(finding) => finding_holds(plain, history, finding),
            Evidence::Linearizability(evidence) => quoted_is_recorded(history, evidence),
            other => panic!("{other:?}"),
        }
    }
    let model = model_by_name(plain.model).unwrap();
    for object in Linearizability::new(model.clone()).objects(history).unwrap() {
        let recorded = object.calls.clone();
        match check_operations(&model, object.calls, &Budget::default()) {
            Answer::NotLinearizable(refutation) => window_fails(&model, &recorded, &refutation, history),
            Answer::Linearizable => {}
            Answer::Unknown { reason, .. } => panic!("{reason}\n{}", lines(history)),
        }
    }
}

/// The operations that a near-linear checker names have no order by themselves.
fn finding_holds(plain: &Plain, history: &History, finding: &Finding) {
    let told: Vec<usize> = finding.operations.iter().map(|op| op.call).collect();
    assert!(!told.is_empty() && !finding.sentence.is_empty(), "{}", lines(history));
    let mut events: Vec<usize> = history
        .operations()
        .filter(|op| told.contains(&op.call))
        .flat_map(|op| [Some(op.call), op.completion.map(|(at, _)| at)])
        .flatten()
        .collect();
    events.sort_unstable();
    let events: Vec<_> = events.into_iter().map(|at| history.event(at).to_event()).collect();
    let part = History::new(events).unwrap();
    assert!(!linearizable(plain, &part), "{} {:?}\n{}", finding.sentence, finding.steps, lines(history));
}

/// What is quoted stands in the history, and the operation that is blamed is among it.
fn quoted_is_recorded(history: &History, evidence: &LinearizabilityEvidence) {
    let quoted: Vec<usize> = evidence.window.iter().map(|quoted| quoted.call).collect();
    assert!(quoted.contains(&evidence.blocked), "{}\n{}", evidence.sentence, lines(history));
    for quoted in &evidence.window {
        let event = history.event(quoted.call);
        assert!(event.is_invoke() && event.f == quoted.f.as_str(), "{quoted:?}\n{}", lines(history));
    }
    assert!(evidence.window_optional.iter().all(|call| quoted.contains(call)));
    assert!(!evidence.window_start_states.is_empty() && !evidence.steps.is_empty(), "{}", lines(history));
}

/// The window fails from the states that it names; it has every operation within it as it was recorded, but
/// for reads, and for changes that count as unanswered.
fn window_fails(
    model: &AnyModel,
    recorded: &Calls<AnyModel>,
    refutation: &Refutation<AnyModel>,
    history: &History,
) {
    let (window, states) = (&refutation.window, &refutation.window_start_states);
    let text = || format!("{}\n{window:?} from {states:?}\n{}", refutation.why, lines(history));
    assert!(!window.is_empty() && !states.is_empty(), "{}", text());
    assert_eq!(fails_from(model, window, states, u64::MAX), Some(true), "{}", text());
    assert_eq!(fails_from(model, recorded, &[model.initial()], u64::MAX), Some(true), "{}", text());
    assert!(window.iter().any(|call| call.call == refutation.blocked), "{}", text());
    for call in window {
        let same = recorded.iter().find(|recorded| recorded.call == call.call).unwrap();
        assert!((&same.input, &same.output) == (&call.input, &call.output), "{}", text());
        assert!(call.ret.is_none() || call.ret == same.ret, "{}", text());
    }
    // What is not in it was over before it began, was invoked after it ended, or changes nothing.
    let begins = window.iter().filter_map(|call| call.ret).min().unwrap();
    let ends = window.iter().filter_map(|call| call.ret).max().unwrap();
    for call in recorded.iter().filter(|call| window.iter().all(|there| there.call != call.call)) {
        let outside = call.call > ends || call.ret.is_none_or(|ret| ret < begins);
        let reads = model.is_read_only(&call.input, call.output.as_ref());
        assert!(outside || reads, "{call:?} is missing\n{}", text());
    }
}
