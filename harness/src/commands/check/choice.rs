//! From what a user names to the checkers that shall judge.

use checkers::promises::{Bank, LongFork};
use checkers::registry::{self, CHECKERS, MODELS, OBJECT_CONSISTENCY};
use checkers::sequential::Scope;
use checkers::transactions::consistency::{Anomaly, Model};
use checkers::transactions::history::Holds;
use checkers::transactions::{ClosedPredicate, Isolation, Level, ListAppend, Promise, RwRegister};
use checkers::{Checker, History, Staleness};

use super::decided::Decided;
use crate::cli::args::CheckArgs;
use crate::plan::{PlanError, workload_by_name};

type Checkers = Vec<Box<dyn Checker>>;

/// The transactions that a checker infers the order of.
const TRANSACTIONS: [(&str, Holds); 2] = [("list-append", Holds::Lists), ("rw-register", Holds::Registers)];

/// The checkers that `args` name, of which each understands the history. `workload` is that of the
/// run, for want of anything else.
pub fn choose(
    history: &History,
    args: &CheckArgs,
    workload: Option<&str>,
) -> Result<Checkers, Box<dyn std::error::Error>> {
    let (chosen, checkers) = match (&args.model, &args.checker, args.workload.as_deref().or(workload)) {
        (Some(model), ..) => (format!("model `{model}`"), of_model(model, args)?),
        (_, Some(checker), _) => (format!("checker `{checker}`"), of_checker(checker, args)?),
        (_, _, Some(workload)) => (format!("workload `{workload}`"), of_workload(workload, args)?),
        (None, None, None) => {
            return Err("say which promise to check: --workload NAME, --model NAME or --checker NAME \
                        (see `stormglass list workloads`, `list models` and `list checkers`)"
                .into());
        }
    };
    // What nobody understands is bad input, not a matter of doubt.
    for checker in &checkers {
        checker
            .understands(history)
            .map_err(|error| format!("the {chosen} does not understand this history: {error}"))?;
    }
    Ok(checkers)
}

/// A model is linearizable, unless something else is asked for. The names of checkers are taken as
/// well: to Elle and Knossos those are models too.
fn of_model(model: &str, args: &CheckArgs) -> Result<Checkers, PlanError> {
    let unknown = || {
        let known: Vec<&str> = MODELS.iter().chain(CHECKERS).map(|listed| listed.name).collect();
        PlanError::unknown("model", model, &known)
    };
    if registry::model_by_name(model).is_none() {
        return of_checker(model, args).map_err(|error| match error {
            PlanError::Unknown { .. } if by_name(model, args).is_none() => unknown(),
            other => other,
        });
    }
    if !args.anomalies.is_empty() {
        return Err(PlanError::Bad(format!(
            "--anomalies is for transactions (--workload list-append or rw-register), not for the model `{model}`"
        )));
    }
    let wanted: Vec<&str> = args.consistency.iter().map(String::as_str).collect();
    let wanted = if wanted.is_empty() { vec![OBJECT_CONSISTENCY[0].name] } else { wanted };
    let checker = |name: &str| {
        match name {
            "linearizable" => registry::linearizable_by_name(model),
            "sequential" => registry::sequential_by_name(model, Scope::Whole),
            "sequential-per-key" => registry::sequential_by_name(model, Scope::PerKey),
            "staleness" => Some(Box::new(staleness(args)) as Box<dyn Checker>),
            _ => None,
        }
        .ok_or_else(|| {
            let known: Vec<&str> = OBJECT_CONSISTENCY.iter().map(|listed| listed.name).collect();
            PlanError::unknown("consistency model of a single object", name, &known)
        })
    };
    wanted.into_iter().map(checker).collect()
}

fn of_workload(workload: &str, args: &CheckArgs) -> Result<Checkers, PlanError> {
    match workload_by_name(workload) {
        Ok(workload) => {
            refuse_consistency(args, workload.name())?;
            Ok(workload.checkers())
        }
        Err(unknown) => of_checker(workload, args).map_err(|error| match error {
            PlanError::Unknown { .. } if by_name(workload, args).is_none() => unknown,
            other => other,
        }),
    }
}

fn of_checker(name: &str, args: &CheckArgs) -> Result<Checkers, PlanError> {
    if let Some((_, holds)) = TRANSACTIONS.iter().find(|(known, _)| *known == name) {
        return transactions(*holds, args);
    }
    if name == "closed-predicate" {
        let promise = promise(&args.consistency, args)?;
        return Ok(vec![Box::new(ClosedPredicate { promise })]);
    }
    refuse_consistency(args, name)?;
    let known: Vec<&str> = CHECKERS.iter().map(|listed| listed.name).collect();
    by_name(name, args)
        .map(|checker| vec![checker])
        .ok_or_else(|| PlanError::unknown("checker", name, &known))
}

/// A checker that is about one promise, with its options.
fn by_name(name: &str, args: &CheckArgs) -> Option<Box<dyn Checker>> {
    Some(match name {
        "bank" => Box::new(Bank {
            total: args.total_amount,
            negative_balances: args.negative_balances,
            ..Bank::default()
        }),
        "long-fork" => Box::new(LongFork { group_size: args.group_size }),
        "staleness" => Box::new(staleness(args)),
        _ => return registry::checker_by_name(name),
    })
}

fn staleness(args: &CheckArgs) -> Staleness {
    Staleness {
        max_k: args.max_k,
        max_stale_ns: args.max_stale.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)),
    }
}

fn refuse_consistency(args: &CheckArgs, name: &str) -> Result<(), PlanError> {
    if args.consistency.is_empty() && args.anomalies.is_empty() {
        return Ok(());
    }
    Err(PlanError::Bad(format!(
        "--consistency and --anomalies are for transactions (list-append, rw-register, closed-predicate) \
         and --consistency for models; `{name}` is one promise of its own"
    )))
}

/// Transactions on lists or registers: one inference for all that is named, and a decision for each
/// level that can be decided.
fn transactions(holds: Holds, args: &CheckArgs) -> Result<Checkers, PlanError> {
    let decided =
        |name: &&String| Level::by_name(name).is_some_and(|level| level.is_polynomial() || args.prove);
    let mut levels: Vec<Level> =
        args.consistency.iter().filter(decided).filter_map(|name| Level::by_name(name)).collect();
    if args.consistency.is_empty() && args.prove {
        levels.push(Level::StrictSerializable);
    }
    // Of some levels the inference knows no anomaly; whoever asks for those only wants a decision.
    let inferred: Vec<String> = args
        .consistency
        .iter()
        .filter(|name| match Model::by_name(name) {
            Some(model) => !model.proscribes().is_empty() || !decided(name),
            None => !decided(name),
        })
        .cloned()
        .collect();
    let mut checkers: Checkers = Vec::new();
    if !inferred.is_empty() || args.consistency.is_empty() {
        let promise = promise(&inferred, args)?;
        let inference: Box<dyn Checker> = match holds {
            Holds::Lists => Box::new(ListAppend { promise }),
            Holds::Registers => Box::new(RwRegister {
                promise,
                wfr_keys: args.wfr_keys,
                sequential_keys: args.sequential_keys,
                linearizable_keys: args.linearizable_keys,
                ..RwRegister::default()
            }),
        };
        let mut promised: Vec<Level> = inferred.iter().filter_map(|name| Level::by_name(name)).collect();
        if args.consistency.is_empty() && args.anomalies.is_empty() {
            promised.push(Level::StrictSerializable);
        }
        promised.retain(|level| !levels.contains(level));
        let levels = promised.into_iter().map(|level| Isolation::new(level, holds)).collect();
        checkers.push(Box::new(Decided { inference, levels }));
    }
    for level in levels {
        checkers.push(Box::new(Isolation::new(level, holds)));
    }
    Ok(checkers)
}

fn promise(consistency: &[String], args: &CheckArgs) -> Result<Promise, PlanError> {
    let anomaly = |name: &String| {
        Anomaly::by_name(name).ok_or_else(|| {
            let known: Vec<&str> = Anomaly::all().map(Anomaly::name).collect();
            PlanError::unknown("anomaly", name, &known)
        })
    };
    let anomalies: Vec<Anomaly> = args.anomalies.iter().map(anomaly).collect::<Result<_, _>>()?;
    if consistency.is_empty() && anomalies.is_empty() {
        return Ok(Promise::default());
    }
    let model = |name: &String| {
        Model::by_name(name).ok_or_else(|| {
            let levels = Level::all().map(Level::name);
            let known: Vec<&str> = Model::names().chain(levels).collect();
            PlanError::unknown("consistency model", name, &known)
        })
    };
    let models: Vec<Model> = consistency.iter().map(model).collect::<Result<_, _>>()?;
    // Nothing could ever break it, and a `valid` would mean nothing.
    if let Some(empty) = models.iter().find(|model| model.proscribes().is_empty()) {
        return Err(PlanError::Bad(format!(
            "no anomaly of transactions is known that rules out `{}`; ask for a model that can be refuted",
            empty.name()
        )));
    }
    Ok(Promise { models, anomalies })
}
