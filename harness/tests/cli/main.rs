//! The `stormglass` program as its users meet it: what is typed, what is printed, how it ends, and
//! that nothing is left behind.
//!
//! | file | claims about |
//! |---|---|
//! | [`program`] | starts the program, watches it, looks for what it left |
//! | `arguments` | what is typed wrong is explained |
//! | `check` | histories in files |
//! | `listings` | `list` and `doctor` |
//! | `run` | runs that come to their end, and what they store |
//! | `deaths` | SIGKILL and Ctrl-C in mid-run |
//! | `servers` | servers that die by themselves |
//! | `surroundings` | a full disk, an ordinary user, a reader that goes away |

mod arguments;
mod check;
mod deaths;
mod listings;
mod program;
mod run;
mod servers;
mod surroundings;
