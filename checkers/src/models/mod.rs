//! The models, one per file.
//!
//! | name | functions and values | file |
//! |---|---|---|
//! | `register` | `read` → `v`, `write v` | `register.rs` |
//! | `cas-register` | also `cas [from, to]` | `cas_register.rs` |
//! | `per-key-register`, `per-key-cas-register` | the same with `[key, value]` for a value | `per_key.rs` |

mod cas_register;
mod indefinite;
mod per_key;
mod register;

pub use cas_register::{CasRegister, FailedCas};
pub use per_key::PerKey;
pub use register::{Register, RegisterInput, RegisterOutput};
