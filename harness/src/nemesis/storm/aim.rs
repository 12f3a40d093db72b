//! What cannot be known before a fault begins: who is primary, and who is not.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::nemesis::fault::{Aim, Fault};
use crate::nemesis::grudge::{Grudge, PartitionKind};
use crate::nodes::Cluster;

/// How often the cluster is asked while something waits for a new primary.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// That a node says it is primary. The latest term first: a primary that was cut off may still
/// claim an older one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    term: std::cmp::Reverse<Option<u64>>,
    name: String,
}

/// All claims now, the latest term first.
pub(super) async fn claims(cluster: &Cluster) -> BTreeSet<Claim> {
    let statuses = cluster.statuses().await.into_iter();
    let claims = statuses.filter_map(|(name, status)| {
        let status = status.ok().filter(|status| status.primary)?;
        Some(Claim { term: std::cmp::Reverse(status.term), name })
    });
    claims.collect()
}

/// Waits until a node claims what nobody claimed `before`, and returns its name.
pub(super) async fn new_primary(cluster: &Cluster, before: &BTreeSet<Claim>) -> String {
    loop {
        if let Some(claim) = claims(cluster).await.difference(before).next() {
            return claim.name.clone();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The fault with its nodes or links filled in. They are none if nobody says that it is primary.
pub(super) async fn resolve(cluster: &Cluster, id: u64, fault: Fault) -> Fault {
    let primaries =
        || async { claims(cluster).await.into_iter().map(|claim| claim.name).collect::<Vec<_>>() };
    match fault {
        Fault::Partition { kind, grudge: None } => {
            let grudge = grudge_around(&primaries().await, cluster.names(), &kind, id, &[]);
            Fault::Partition { kind, grudge: Some(grudge) }
        }
        Fault::Kill { aim, nodes: None } => {
            Fault::Kill { aim, nodes: Some(aimed_at(aim, primaries().await, cluster.names())) }
        }
        Fault::Pause { aim, nodes: None } => {
            Fault::Pause { aim, nodes: Some(aimed_at(aim, primaries().await, cluster.names())) }
        }
        known => known,
    }
}

fn aimed_at(aim: Aim, primaries: Vec<String>, names: &[String]) -> Vec<String> {
    match aim {
        // Whoever does not answer may be the primary: without one, nobody is a mere follower.
        Aim::Followers if primaries.is_empty() => Vec::new(),
        Aim::Followers => names.iter().filter(|name| !primaries.contains(name)).cloned().collect(),
        _ => primaries,
    }
}

/// The grudge of a kind that depends on who is primary. `turn` changes the company, for which
/// `spared` are taken last.
pub(super) fn grudge_around(
    primaries: &[String],
    names: &[String],
    kind: &str,
    turn: u64,
    spared: &[String],
) -> Grudge {
    match PartitionKind::named(kind) {
        Some(PartitionKind::PrimaryMinority | PartitionKind::Rolling) => {
            let mut order = names.to_vec();
            // The schedule fixes the id, so that a replay draws the same company.
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(turn));
            order.sort_by_key(|name| spared.contains(name));
            // The latest primary; one of an older term is company like any other.
            Grudge::minority_around(primaries.get(..1).unwrap_or_default(), &order)
        }
        _ => Grudge::isolate(primaries, names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn without_a_primary_nobody_is_a_follower() {
        let all = names(&["n1", "n2", "n3"]);
        assert!(aimed_at(Aim::Followers, Vec::new(), &all).is_empty());
        assert_eq!(aimed_at(Aim::Followers, names(&["n2"]), &all), ["n1", "n3"]);
        assert_eq!(aimed_at(Aim::Primaries, names(&["n2"]), &all), ["n2"]);
    }

    #[test]
    fn the_latest_primary_is_cut_off_and_those_spared_join_last() {
        let all = names(&["n1", "n2", "n3", "n4", "n5"]);
        for turn in 0..20 {
            let grudge = grudge_around(&names(&["n3", "n1"]), &all, "rolling", turn, &names(&["n1", "n2"]));
            let side = grudge.smaller_side();
            assert_eq!(side.len(), 2);
            assert!(side.contains(&"n3".to_owned()), "{side:?}");
            assert!(!side.contains(&"n1".to_owned()) && !side.contains(&"n2".to_owned()), "{side:?}");
        }
    }
}
