//! Clients of the target, for the load loop.

use async_trait::async_trait;
use checkers::Process;
use std::sync::Arc;
use targets::{NodeAddress, Target, TargetOptions};
use workloads::Client;

use super::load::OpenClient;

/// Opens the target's clients on a cluster.
pub struct TargetClients {
    /// The system under test.
    pub target: Arc<dyn Target>,
    /// Its nodes.
    pub cluster: Vec<NodeAddress>,
    /// Its options.
    pub options: TargetOptions,
}

#[async_trait]
impl OpenClient for TargetClients {
    async fn open(&self, home: usize, process: Process) -> Result<Box<dyn Client>, String> {
        self.target.open(&self.cluster, home, process, &self.options).await
    }
}
