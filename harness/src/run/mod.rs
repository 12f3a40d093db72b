//! A run: deploy, load under faults, heal, recover, read at the end, tear down.
//!
//! | module | what lives there |
//! |---|---|
//! | [`load`] | the loop that owns the load, and its workers |
//! | [`mod@execute`] | the phases, in order |
//! | [`recovery`] | whether the system serves again |
//! | [`interrupt`] | Ctrl-C |
//! | [`progress`] | what a person sees meanwhile |

pub mod execute;
pub mod interrupt;
pub mod links;
pub mod load;
pub mod opener;
pub mod progress;
pub mod recovery;

pub use execute::{ExecuteError, execute};
pub use interrupt::Interrupt;
pub use progress::{Progress, Voice};
