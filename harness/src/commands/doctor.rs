//! `stormglass doctor`: what this machine allows.

use crate::cli::args::DoctorArgs;
use crate::commands::print_json;
use crate::doctor;
use crate::exit::Exit;

/// Examines and prints.
pub fn doctor(args: &DoctorArgs) -> Exit {
    let findings = doctor::examine();
    if args.json {
        return print_json(&findings);
    }
    print!("{}", doctor::render(&findings));
    Exit::Valid
}
