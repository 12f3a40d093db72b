//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_models;
mod corpus_path;
mod formats_corpus;
mod kv_store;
mod lying_model;
mod models;
mod mutation;
mod oracle;
mod plain;
mod plain_stores;
mod sequential;
mod set_full;
mod simulate;
mod special;
mod staleness;
mod text;
mod transactions_oracle;
