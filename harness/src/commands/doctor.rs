//! `stormglass doctor`: what this machine allows.

use crate::cli::args::DoctorArgs;
use crate::commands::print_json;
use crate::doctor;
use crate::exit::Exit;
use crate::say;

/// Examines and prints.
pub fn doctor(args: &DoctorArgs) -> Exit {
    let findings = doctor::examine();
    if args.json {
        return print_json(&findings);
    }
    say::out(doctor::render(&findings).trim_end());
    Exit::Valid
}
