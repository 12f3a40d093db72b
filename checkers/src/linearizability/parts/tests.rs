//! A part has twenty calls in unit tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::checker::{Budget, Checker};
use crate::linearizability::couple::tests::history;
use crate::linearizability::{Linearizability, fails_from};
use crate::model::Model;
use crate::models::CasRegister;
use crate::verdict::Verdict;

/// How often a history was cut.
pub(super) static CUT: AtomicUsize = AtomicUsize::new(0);

#[test]
fn parts_decide_as_the_whole_does_on_any_number_of_threads() {
    let cases = if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 3_000 };
    let mut tally = [0; 2];
    for seed in 1_000_000..1_000_000 + cases {
        // Long enough for some parts, and as each case needs threads of its own, for two of those.
        let history = history(seed, 300 + 7_700 * u64::from(seed % 64 == 0));
        let model = CasRegister::default();
        let checker = Linearizability::new(model).general_only();
        let judgement = checker.check(&history, &Budget { threads: 1, ..Budget::default() });
        if seed % 64 == 0 {
            let other = checker.check(&history, &Budget { threads: 3, ..Budget::default() });
            assert_eq!(judgement.verdict, other.verdict, "seed {seed}");
            assert_eq!(judgement.evidence, other.evidence, "seed {seed}");
            assert_eq!(judgement.details, other.details, "seed {seed}");
        }
        let objects = checker.objects(&history).unwrap();
        let Some(object) = objects.into_iter().next() else { continue };
        let slow = fails_from(&model, &object.calls, &[model.initial()], u64::MAX).unwrap();
        match judgement.verdict {
            Verdict::Valid => assert!(!slow, "seed {seed}"),
            Verdict::Invalid => assert!(slow, "seed {seed}"),
            Verdict::Unknown => continue,
        }
        tally[usize::from(slow)] += 1;
    }
    assert!(tally.iter().all(|&count| count > cases / 10), "{tally:?}");
    assert!(CUT.load(Ordering::Relaxed) > cases as usize, "{CUT:?}");
}
