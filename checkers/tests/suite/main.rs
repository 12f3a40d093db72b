//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_path;
mod formats_corpus;
mod lying_model;
mod mutation;
mod oracle;
mod set_full;
mod simulate;
mod small_edn;
mod special;
mod text;
mod transactions_elle;
mod transactions_oracle;
mod transactions_random;
