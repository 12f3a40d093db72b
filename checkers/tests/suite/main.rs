//! The one integration test binary of `checkers`.

mod cases;
mod corpus;
mod corpus_path;
mod formats_corpus;
mod formats_fuzz;
mod lying_model;
mod mutation;
mod oracle;
mod set_full;
mod simulate;
mod text;
