//! Tests of the whole: simulated clusters in virtual time, real servers on loopback, hostile bytes.

mod servers;
mod sim;
mod wire;
