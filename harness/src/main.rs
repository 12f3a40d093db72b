//! The `stormglass` program.

fn main() {}
