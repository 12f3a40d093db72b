//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_path;
mod isolation;
mod isolation_anomalies;
mod isolation_database;
mod isolation_large;
mod isolation_oracle;
mod isolation_text;
mod lying_model;
mod mutation;
mod oracle;
mod set_full;
mod simulate;
mod text;
