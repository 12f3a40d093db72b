//! The Stormglass controller: nodes, network, nemesis, runner, command line.

pub mod doctor;
pub mod net;
pub mod sandbox;
