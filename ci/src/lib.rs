//! Gates around the project: what a person would check by hand before each landing, as tests.
//!
//! | file | what |
//! |---|---|
//! | `ci/setup.sh` | installs what the tests need from Debian's packages |
//! | `ci/test` | everything: format, lints, tests, canaries |
//! | `ci/canary` | one seeded bug that must be caught, one correct run that must be valid |
//! | `src/bin/bugs.rs` | measures the table in `targets/raft-kv/BUGS.md` |
//! | `tests/tidy.rs` | the floors of the house, licences, sizes of files |
//!
//! This library is empty on purpose: the crate exists for its tests and its one program.
