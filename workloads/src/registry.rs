//! All workloads by name.

use crate::register::Register;
use crate::set::Set;
use crate::workload::Workload;

/// A workload that can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// A new one, for one run, with default options.
    pub build: fn() -> Box<dyn Workload>,
}

static ALL: [Entry; 2] = [
    Entry { name: "register", build: || Box::new(Register::default()) },
    Entry { name: "set", build: || Box::new(Set::default()) },
];

/// Every workload there is, in the order of the alphabet.
pub fn all() -> &'static [Entry] {
    &ALL
}

/// The workload of this name.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_workloads_and_in_order() {
        for entry in all() {
            assert_eq!((entry.build)().name(), entry.name);
            assert!(by_name(entry.name).is_some());
        }
        assert!(all().is_sorted_by_key(|entry| entry.name));
        assert!(by_name("regster").is_none());
    }
}
