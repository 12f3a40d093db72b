//! `stormglass node`: this binary as one of the servers under test.

use crate::cli::args::{NodeArgs, Server};
use crate::commands::complain;
use crate::exit::Exit;

/// Serves until killed.
pub fn node(args: NodeArgs) -> Exit {
    let Server::RaftKv(args) = args.server;
    match raft_kv::server::run(args) {
        Ok(()) => Exit::Valid,
        Err(error) => complain(Exit::HarnessFailure, &error),
    }
}
