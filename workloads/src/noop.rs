//! A client that answers at once: what a runner costs without a system under test.

use async_trait::async_trait;

use crate::client::{Client, Op, Outcome};

/// Answers every operation with `ok` and its own argument. Keeps no promise at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoopClient;

#[async_trait]
impl Client for NoopClient {
    async fn invoke(&mut self, op: &Op) -> Outcome {
        Outcome::Ok(op.value.clone())
    }
}
