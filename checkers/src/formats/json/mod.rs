//! JSON: our own lines, and what others write.

pub(crate) mod line;
pub(crate) mod text;
