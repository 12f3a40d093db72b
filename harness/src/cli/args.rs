//! What was typed. The second step, a validated plan, is [`Plan`](crate::plan::Plan).

use std::path::PathBuf;
use std::time::Duration;

use checkers::formats::Format;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::nemesis::Grudge;

/// Breaks distributed systems and judges what their clients saw.
#[derive(Debug, Parser)]
#[command(
    name = "stormglass",
    version,
    propagate_version = true,
    after_help = "Examples:\n  stormglass run raft-kv\n  stormglass run raft-kv --bug raft.leader-reads-locally --faults partition:primaries\n  stormglass check runs/latest\n\nExit codes: 0 valid, 1 invalid, 2 unknown, 3 safe but not recovered, 254 bad input, 255 harness failure, 130 interrupted."
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy a system, break its world, judge what its clients saw
    Run(Box<RunArgs>),
    /// Judge a stored run, or a history file, again
    Check(CheckArgs),
    /// Write a history in another format
    Convert(ConvertArgs),
    /// Show what there is to choose from
    List(ListArgs),
    /// Write the HTML report of a stored run again
    Report(ReportArgs),
    /// Tell what this machine allows, and how to get what is missing
    Doctor(DoctorArgs),
    /// Run one of the systems under test as a server
    #[command(hide = true)]
    Node(NodeArgs),
    /// Measure the harness itself
    #[command(hide = true)]
    Bench(BenchArgs),
}

/// `stormglass run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The system under test (see `stormglass list targets`)
    pub target: String,
    /// The workload (see `stormglass list workloads`) [default: the target's first]
    #[arg(short, long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Number of nodes
    #[arg(short, long, default_value_t = 5, value_name = "N")]
    pub nodes: usize,
    /// Number of clients: a number, or `2n` for two per node
    #[arg(short, long, default_value = "2n", value_name = "N")]
    pub concurrency: Concurrency,
    /// Operations per second over all clients; 0 for as many as they can
    #[arg(short, long, default_value_t = 1000.0, value_name = "OPS", allow_negative_numbers = true)]
    pub rate: f64,
    /// How long the load lasts
    #[arg(short, long, default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub time_limit: Duration,
    /// Faults, by comma: classes, or `class:parameter`; `none`; `all` [default: all that the cluster's size allows]
    #[arg(short, long, value_name = "LIST")]
    pub faults: Option<String>,
    /// How long a fault of a class lasts, about, and a little more than the pause between two
    #[arg(long, default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub fault_interval: Duration,
    /// Adds this partition to the faults: `n1:n2,n3;n2:n1` has n1 refuse what n2 and n3 send, n2 what n1 sends; `clients` is a name too
    #[arg(long, value_name = "GRUDGE")]
    pub grudge: Vec<Grudge>,
    /// Begin each fault at the moment when a new primary is seen
    #[arg(long)]
    pub at_elections: bool,
    /// Replay this schedule instead of drawing one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["faults", "grudge", "at_elections"])]
    pub schedule: Option<PathBuf>,
    /// Seed of every choice of ours [default: drawn and printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Switch on a seeded bug (see `stormglass list bugs`); may be repeated
    #[arg(long, value_name = "NAME")]
    pub bug: Vec<String>,
    /// An option of the target, `name=value` (see `stormglass list targets`); may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub opt: Vec<String>,
    /// Longest time for one call; it is indefinite then
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "TIME")]
    pub op_timeout: Duration,
    /// How long the system may take to serve again after the faults
    #[arg(long, default_value = "20s", value_parser = duration, value_name = "TIME")]
    pub recovery_limit: Duration,
    /// Longest time for the checkers
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "TIME")]
    pub check_limit: Duration,
    /// Where runs are stored
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub out: PathBuf,
    /// The result as one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// Say more
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say nothing but the verdict
    #[arg(short, long)]
    pub quiet: bool,
}

/// `stormglass check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A run's directory, a test in Jepsen's store, a history in any known format, or `-` for standard input
    pub path: PathBuf,
    /// Check this model (see `stormglass list models`), for linearizability unless --consistency says otherwise
    #[arg(long, value_name = "NAME", conflicts_with_all = ["workload", "checker"])]
    pub model: Option<String>,
    /// Use this workload's checkers, or this checker [default: the run's own]
    #[arg(short, long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Use this checker (see `stormglass list checkers`)
    #[arg(long, value_name = "NAME", conflicts_with = "workload")]
    pub checker: Option<String>,
    /// Consistency models that should hold, by comma (see `stormglass list consistency`): of transactions [default: strict-serializable]; of a model [default: linearizable]
    #[arg(short, long, value_name = "MODEL", value_delimiter = ',')]
    pub consistency: Vec<String>,
    /// Anomalies that should not occur, whatever the consistency models say, by comma: `G0`, `lost-update`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub anomalies: Vec<String>,
    /// The format of the file (see `stormglass list formats`) [default: detected]
    #[arg(long, value_name = "NAME")]
    pub format: Option<Format>,
    /// Decide snapshot isolation and serializability by search as well: proved, refuted or unknown
    #[arg(long)]
    pub prove: bool,
    /// Registers of transactions: whoever read a version and wrote the key has overwritten that version
    #[arg(long)]
    pub wfr_keys: bool,
    /// Registers of transactions: each key by itself is sequentially consistent
    #[arg(long)]
    pub sequential_keys: bool,
    /// Registers of transactions: each key by itself is linearizable
    #[arg(long)]
    pub linearizable_keys: bool,
    /// Bank: the sum of all balances [default: inferred]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub total_amount: Option<i64>,
    /// Bank: balances may be below zero
    #[arg(long)]
    pub negative_balances: bool,
    /// Long fork: how many keys a group has [default: any number]
    #[arg(long, value_name = "N")]
    pub group_size: Option<usize>,
    /// Staleness: how many versions a read may be behind, where 1 is none [default: only measured]
    #[arg(long, value_name = "K")]
    pub max_k: Option<usize>,
    /// Staleness: for how long what a read finds may have been overwritten [default: only measured]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub max_stale: Option<Duration>,
    /// Longest time for the checkers
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "TIME")]
    pub check_limit: Duration,
    /// Write an HTML report of the history and the verdict to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The result as one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `stormglass convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// A history in any known format, or `-` for standard input
    pub path: PathBuf,
    /// The format to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Written,
    /// The format of the file [default: detected]
    #[arg(long, value_name = "NAME")]
    pub format: Option<Format>,
    /// Where to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Formats that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Written {
    /// Our own, a JSON object per line
    Jsonl,
    /// Jepsen's, for Elle and Knossos
    Edn,
}

/// `stormglass list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// What to list [default: everything]
    #[arg(value_enum)]
    pub what: Option<Listing>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Systems under test, with their options
    Targets,
    /// Kinds of load
    Workloads,
    /// Faults and their parameters
    Faults,
    /// Seeded bugs
    Bugs,
    /// Models for `check --model`
    Models,
    /// Checkers for `check --checker`
    Checkers,
    /// Consistency models for `check --consistency`
    Consistency,
    /// Formats of histories for `check --format`
    Formats,
}

/// `stormglass report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run's directory
    pub run: PathBuf,
}

/// `stormglass doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `stormglass node`.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// Which server.
    #[command(subcommand)]
    pub server: Server,
}

/// Servers that this binary contains.
#[derive(Debug, Subcommand)]
pub enum Server {
    /// The Raft key-value store
    RaftKv(raft_kv::server::Args),
}

/// `stormglass bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: Bench,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Generator, workers and recorder against a client that answers at once
    Noop {
        /// How long.
        #[arg(long, default_value = "5s", value_parser = duration)]
        time_limit: Duration,
        /// Number of clients.
        #[arg(long, default_value_t = 100)]
        concurrency: u32,
    },
    /// The same against a TCP echo server on the loopback interface
    Echo {
        /// How long.
        #[arg(long, default_value = "5s", value_parser = duration)]
        time_limit: Duration,
        /// Number of clients.
        #[arg(long, default_value_t = 100)]
        concurrency: u32,
    },
}

/// How many clients: a number, or so many per node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// That many.
    Clients(u32),
    /// That many for each node.
    PerNode(u32),
}

impl std::str::FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, per_node) = match text.strip_suffix('n') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let count: u32 = digits
            .parse()
            .map_err(|_| format!("`{text}` is no number of clients; write `10`, or `2n` for two per node"))?;
        if count == 0 {
            return Err("at least one client is needed; write `10`, or `2n` for two per node".to_owned());
        }
        Ok(if per_node { Concurrency::PerNode(count) } else { Concurrency::Clients(count) })
    }
}

/// `200ms`, `30s`, `5m`, `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time; write a number with a unit: `500ms`, `30s`, `5m`, `1h`");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(bad()),
    };
    if seconds <= 0.0 || seconds > 86_400.0 {
        return Err(format!("`{text}` is out of range; between 1ms and 24h make sense"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_and_numbers_of_clients() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["5x", "5", "s", "", "-1s", "0s", "99999h", "1e3s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!("2n".parse(), Ok(Concurrency::PerNode(2)));
        assert_eq!("10".parse(), Ok(Concurrency::Clients(10)));
        for bad in ["", "n", "0", "0n", "-1", "2m"] {
            assert!(bad.parse::<Concurrency>().is_err(), "{bad}");
        }
    }
}
