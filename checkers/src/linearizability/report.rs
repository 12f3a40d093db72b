//! A refutation in the words of the history.

use super::explain::Refutation;
use super::special::Contradiction;
use crate::evidence::{Finding, LinearizabilityEvidence, QuotedOperation};
use crate::history::{Fate, History};
use crate::model::{Call, Model};
use crate::value::Value;

/// How many operations of a window are quoted; the last ones if there are more.
const MAX_QUOTED: usize = 256;

pub(super) fn report<M: Model>(
    model: &M,
    history: &History,
    key: Option<&Value>,
    refutation: &Refutation<M>,
) -> LinearizabilityEvidence {
    let whole = if refutation.window.is_empty() { &refutation.around } else { &refutation.window };
    let window = &whole[whole.len().saturating_sub(MAX_QUOTED)..];
    let quoted: Vec<QuotedOperation> = window.iter().map(|call| quote(model, history, key, call)).collect();
    let texts = |states: &[M::State]| states.iter().map(|state| model.describe_state(state)).collect();
    let blocked = say(history, key, refutation.blocked);
    let place = history.partner(refutation.blocked).map(|ret| format!(" to {ret}")).unwrap_or_default();
    let of = key.map(|key| format!("key {key}: ")).unwrap_or_default();
    LinearizabilityEvidence {
        key: key.cloned(),
        sentence: if refutation.located {
            let events = refutation.blocked;
            format!("{of}{blocked} (events {events}{place}) cannot be explained: {}", refutation.why)
        } else {
            format!("{of}{}", refutation.why)
        },
        blocked: refutation.blocked,
        prefix_length: refutation.prefix_length,
        prefix: refutation.prefix.clone(),
        final_states: texts(&refutation.final_states),
        steps: steps(model, history, key, refutation),
        window_optional: window.iter().filter(|call| call.ret.is_none()).map(|call| call.call).collect(),
        window_omitted: whole.len() - quoted.len(),
        window: quoted,
        window_start_states: texts(&refutation.window_start_states),
    }
}

/// What a special checker found, in the words of the history.
pub(super) fn report_contradiction(history: &History, key: Option<&Value>, found: &Contradiction) -> Finding {
    let name = |call: u32| {
        let call = call as usize;
        let place = history.partner(call).map(|ret| format!("-{ret}")).unwrap_or_default();
        format!("{} (events {call}{place})", say(history, key, call))
    };
    let of = key.map(|key| format!("key {key}: ")).unwrap_or_default();
    let calls: Vec<usize> = found.operations.iter().map(|&call| call as usize).collect();
    let sentence = format!("{of}{}", found.finding.write(name));
    let finding = Finding::new(history, "not-linearizable", sentence, &calls)
        .because(found.steps.iter().map(|step| step.write(name)).collect());
    match key {
        Some(key) => finding.about(history, key.clone(), true),
        None => finding,
    }
}

/// For each final state and each operation that could be next: why it does not help.
fn steps<M: Model>(
    model: &M,
    history: &History,
    key: Option<&Value>,
    refutation: &Refutation<M>,
) -> Vec<String> {
    let mut steps = vec![refutation.why.clone()];
    if !refutation.located {
        return steps;
    }
    for way in &refutation.ways_on {
        if way.call == refutation.blocked {
            continue;
        }
        let from = model.describe_state(&way.from);
        let what = say(history, key, way.call);
        steps.push(if way.to.is_empty() {
            format!("from {from}: {what} is impossible as well")
        } else if way.to.iter().all(|to| *to == way.from) {
            format!("from {from}: {what} may come first, but changes nothing")
        } else {
            let to: Vec<String> = way.to.iter().map(|to| model.describe_state(to)).collect();
            format!("from {from}: {what} may come first, but leaves {}, which does not help", to.join(" or "))
        });
    }
    if steps.len() == 1 {
        steps.push("no other operation was in flight that could come first".to_owned());
    }
    steps
}

fn quote<M: Model>(
    model: &M,
    history: &History,
    key: Option<&Value>,
    call: &Call<M::Input, M::Output>,
) -> QuotedOperation {
    let mut quoted = QuotedOperation::at(history, call.call, key.is_some());
    let what = model.describe(&call.input, call.output.as_ref());
    quoted.text = format!("process {}: {what}", quoted.process);
    if quoted.fate == Fate::Info.as_str() {
        quoted.text.push_str(" (may or may not have happened)");
    }
    quoted
}

/// `process 3's write 7`.
fn say(history: &History, key: Option<&Value>, call: usize) -> String {
    let quoted = QuotedOperation::at(history, call, key.is_some());
    let value = match &quoted.output {
        Some(output) if !output.is_nil() || quoted.input.is_nil() => output,
        _ => &quoted.input,
    };
    let info = quoted.fate == Fate::Info.as_str();
    let fate = if info { " (which may or may not have happened)" } else { "" };
    format!("process {}'s {} {value}{fate}", quoted.process, quoted.f)
}
