//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_path;
mod formats_corpus;
mod isolation;
mod isolation_database;
mod isolation_oracle;
mod isolation_text;
mod lying_model;
mod models;
mod mutation;
mod oracle;
mod plain;
mod promises;
mod sequential;
mod set_full;
mod simulate;
mod small_edn;
mod special;
mod staleness;
mod text;
mod transactions_elle;
mod transactions_oracle;
