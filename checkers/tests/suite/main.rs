//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_path;
mod lying_model;
mod models;
mod mutation;
mod oracle;
mod plain;
mod sequential;
mod set_full;
mod simulate;
mod staleness;
mod text;
