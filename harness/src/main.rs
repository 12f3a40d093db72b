//! The `stormglass` program: parses, dispatches, and maps what came of it to an exit code.

use std::process::ExitCode;

use clap::Parser;
use harness::cli::args::{Cli, Command};
use harness::commands::{bench, check, convert, doctor, list, node, report, run};
use harness::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let exit = if error.use_stderr() { Exit::BadInput } else { Exit::Valid };
            let _ = error.print();
            return exit.into();
        }
    };
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Convert(args) => convert::convert(&args).into(),
        Command::List(args) => list::list(&args).into(),
        Command::Report(args) => report::report(&args).into(),
        Command::Doctor(args) => doctor::doctor(&args).into(),
        Command::Node(args) => node::node(args).into(),
        Command::Bench(args) => bench::bench(&args).into(),
    }
}
