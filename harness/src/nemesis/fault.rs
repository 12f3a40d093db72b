//! Faults as values: the closed list of what the nemesis can do, and how it is named.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::grudge::{Grudge, PartitionKind};

/// A class of faults, as `--faults` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// Messages between nodes are dropped.
    Partition,
    /// Server processes get SIGKILL, and are started again.
    Kill,
    /// Server processes get SIGSTOP, and SIGCONT later.
    Pause,
}

impl FaultClass {
    /// All classes, in the order of documentation.
    pub const ALL: [FaultClass; 3] = [FaultClass::Partition, FaultClass::Kill, FaultClass::Pause];

    /// The name on the command line, in schedules and in histories.
    pub const fn name(self) -> &'static str {
        match self {
            FaultClass::Partition => "partition",
            FaultClass::Kill => "kill",
            FaultClass::Pause => "pause",
        }
    }

    /// One sentence for `stormglass list faults`.
    pub const fn summary(self) -> &'static str {
        match self {
            FaultClass::Partition => {
                "drops frames on directed links between nodes; nothing is refused, all is silence"
            }
            FaultClass::Kill => "SIGKILL to server processes, then a restart on the same data",
            FaultClass::Pause => "SIGSTOP to server processes, then SIGCONT",
        }
    }

    /// The shapes or aims that may follow the colon.
    pub fn parameters(self) -> Vec<&'static str> {
        match self {
            FaultClass::Partition => PartitionKind::ALL.iter().map(|kind| kind.name()).collect(),
            FaultClass::Kill | FaultClass::Pause => Aim::ALL.iter().map(|aim| aim.name()).collect(),
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which nodes a process fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// One random node.
    One,
    /// A random minority, of the largest size.
    Minority,
    /// A random majority, of the smallest size.
    Majority,
    /// Whoever says it is primary when the fault begins.
    Primaries,
    /// Whoever does not say so when the fault begins.
    Followers,
    /// Every node.
    All,
}

impl Aim {
    /// All aims, in the order of documentation.
    pub const ALL: [Aim; 6] =
        [Aim::One, Aim::Minority, Aim::Majority, Aim::Primaries, Aim::Followers, Aim::All];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Aim::One => "one",
            Aim::Minority => "minority",
            Aim::Majority => "majority",
            Aim::Primaries => "primaries",
            Aim::Followers => "followers",
            Aim::All => "all",
        }
    }

    /// Whether it is known only when the fault begins.
    pub const fn depends_on_primaries(self) -> bool {
        matches!(self, Aim::Primaries | Aim::Followers)
    }

    /// The nodes, drawn from `rng`; `None` for those that are known only when the fault begins.
    pub fn draw(self, nodes: &[String], rng: &mut ChaCha8Rng) -> Option<Vec<String>> {
        let n = nodes.len();
        let count = match self {
            Aim::One => 1,
            Aim::Minority => (n - 1) / 2,
            Aim::Majority => n / 2 + 1,
            Aim::All => n,
            Aim::Primaries | Aim::Followers => return None,
        };
        let mut order = nodes.to_vec();
        order.shuffle(rng);
        order.truncate(count.max(1));
        order.sort();
        Some(order)
    }
}

/// A fault with its target and parameters, ready to be injected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Drop frames between nodes.
    Partition {
        /// The shape it was drawn in: a kind's name, or `custom`.
        kind: String,
        /// Who refuses whom. Absent for kinds that depend on who is primary: made then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grudge: Option<Grudge>,
    },
    /// SIGKILL and restart.
    Kill {
        /// How the nodes were chosen.
        aim: Aim,
        /// The nodes. Absent for `primaries` and `followers`: found out when the fault begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nodes: Option<Vec<String>>,
    },
    /// SIGSTOP and SIGCONT.
    Pause {
        /// How the nodes were chosen.
        aim: Aim,
        /// The nodes. Absent for `primaries` and `followers`: found out when the fault begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nodes: Option<Vec<String>>,
    },
}

impl Fault {
    /// Its class.
    pub fn class(&self) -> FaultClass {
        match self {
            Fault::Partition { .. } => FaultClass::Partition,
            Fault::Kill { .. } => FaultClass::Kill,
            Fault::Pause { .. } => FaultClass::Pause,
        }
    }

    /// The shape or aim, in a word.
    pub fn kind(&self) -> &str {
        match self {
            Fault::Partition { kind, .. } => kind,
            Fault::Kill { aim, .. } | Fault::Pause { aim, .. } => aim.name(),
        }
    }
}

/// What `--faults` asks for: a class, perhaps narrowed to some shapes or aims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultSpec {
    /// Any shape of partition that the cluster's size allows.
    AnyPartition,
    /// Partitions of this shape.
    Partition(PartitionKind),
    /// This very grudge.
    Custom(Grudge),
    /// Kill with any aim, or this one.
    Kill(Option<Aim>),
    /// Pause with any aim, or this one.
    Pause(Option<Aim>),
    /// The primary is cut off while all others are killed and start again: they must elect
    /// another with nothing to go by but what they wrote down. A pattern of two faults.
    Coup,
}

/// The kind of a partition whose grudge the user gave.
pub const CUSTOM: &str = "custom";

/// The name of [`FaultSpec::Coup`] on the command line.
pub const COUP: &str = "coup";
/// One sentence about it.
pub const COUP_SUMMARY: &str =
    "a pattern: cuts off the primary, kills all others, starts them 0.1 s later; partition and kill in one";

/// Why text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown {what} `{given}`{hint}; there are: {known}")]
pub struct UnknownFault {
    what: String,
    given: String,
    hint: String,
    known: String,
}

impl UnknownFault {
    fn new(what: &str, given: &str, known: &[&str]) -> Self {
        UnknownFault {
            what: what.to_owned(),
            given: given.to_owned(),
            hint: crate::cli::nearest::did_you_mean(given, known),
            known: known.join(", "),
        }
    }
}

impl FromStr for FaultSpec {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (class, parameter) = match text.split_once(':') {
            Some((class, parameter)) => (class, Some(parameter)),
            None => (text, None),
        };
        let classes: Vec<&str> = FaultClass::ALL.iter().map(|class| class.name()).collect();
        if text == COUP {
            return Ok(FaultSpec::Coup);
        }
        let class = FaultClass::ALL.into_iter().find(|c| c.name() == class).ok_or_else(|| {
            UnknownFault::new("fault", class, &[&classes[..], &[COUP, "none", "all"]].concat())
        })?;
        let unknown = |parameter: &str| {
            let what = match class {
                FaultClass::Partition => "shape of partition".to_owned(),
                _ => format!("aim of {class}"),
            };
            UnknownFault::new(&what, parameter, &class.parameters())
        };
        let aim = || {
            parameter
                .map(|p| Aim::ALL.into_iter().find(|aim| aim.name() == p).ok_or_else(|| unknown(p)))
                .transpose()
        };
        Ok(match class {
            FaultClass::Kill => FaultSpec::Kill(aim()?),
            FaultClass::Pause => FaultSpec::Pause(aim()?),
            FaultClass::Partition => match parameter {
                None => FaultSpec::AnyPartition,
                Some(p) => FaultSpec::Partition(PartitionKind::named(p).ok_or_else(|| unknown(p))?),
            },
        })
    }
}

impl FaultSpec {
    /// The classes of its faults.
    pub fn classes(&self) -> &'static [FaultClass] {
        match self {
            FaultSpec::AnyPartition | FaultSpec::Partition(_) | FaultSpec::Custom(_) => {
                &[FaultClass::Partition]
            }
            FaultSpec::Kill(_) => &[FaultClass::Kill],
            FaultSpec::Pause(_) => &[FaultClass::Pause],
            FaultSpec::Coup => &[FaultClass::Partition, FaultClass::Kill],
        }
    }

    /// The class and the shape or aim that it is narrowed to, if it is.
    pub fn narrowed(&self) -> Option<(FaultClass, &'static str)> {
        match self {
            FaultSpec::Partition(kind) => Some((FaultClass::Partition, kind.name())),
            FaultSpec::Custom(_) => Some((FaultClass::Partition, CUSTOM)),
            FaultSpec::Kill(aim) => aim.map(|aim| (FaultClass::Kill, aim.name())),
            FaultSpec::Pause(aim) => aim.map(|aim| (FaultClass::Pause, aim.name())),
            FaultSpec::AnyPartition | FaultSpec::Coup => None,
        }
    }

    /// The fewest nodes with which it makes sense.
    pub fn least_nodes(&self) -> usize {
        match self {
            FaultSpec::AnyPartition | FaultSpec::Coup => PartitionKind::One.least_nodes(),
            FaultSpec::Partition(kind) => kind.least_nodes(),
            FaultSpec::Custom(_) | FaultSpec::Kill(_) | FaultSpec::Pause(_) => 1,
        }
    }

    /// A fault of this kind, with whatever can be chosen before the run chosen from `rng`; of a
    /// pattern the first.
    pub fn draw(&self, nodes: &[String], rng: &mut ChaCha8Rng) -> Fault {
        match self {
            FaultSpec::AnyPartition => {
                // The primary is where the interesting state is; it is cut off twice as often.
                let legal = |kind: &PartitionKind| nodes.len() >= kind.least_nodes();
                let mut kinds: Vec<_> = PartitionKind::ALL.into_iter().filter(legal).collect();
                kinds.push(PartitionKind::Primaries);
                let kind = kinds.choose(rng).copied().unwrap_or(PartitionKind::One);
                FaultSpec::Partition(kind).draw(nodes, rng)
            }
            FaultSpec::Partition(kind) => {
                Fault::Partition { kind: kind.name().to_owned(), grudge: kind.draw(nodes, rng) }
            }
            FaultSpec::Coup => FaultSpec::Partition(PartitionKind::Primaries).draw(nodes, rng),
            FaultSpec::Custom(grudge) => {
                Fault::Partition { kind: CUSTOM.to_owned(), grudge: Some(grudge.clone()) }
            }
            FaultSpec::Kill(aim) => {
                let aim = aim.unwrap_or_else(|| any_aim(rng));
                Fault::Kill { aim, nodes: aim.draw(nodes, rng) }
            }
            FaultSpec::Pause(aim) => {
                let aim = aim.unwrap_or_else(|| any_aim(rng));
                Fault::Pause { aim, nodes: aim.draw(nodes, rng) }
            }
        }
    }
}

/// Primaries most often, everything at once least.
fn any_aim(rng: &mut ChaCha8Rng) -> Aim {
    match rng.random_range(0..8) {
        0 | 1 => Aim::One,
        2 => Aim::Minority,
        3 => Aim::Majority,
        4..=6 => Aim::Primaries,
        _ => Aim::All,
    }
}
