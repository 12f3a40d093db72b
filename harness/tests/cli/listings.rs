//! `list` and `doctor`, for people and for programs.

use crate::program::{finish, stormglass};

#[test]
fn what_is_listed_for_people_is_listed_for_programs() {
    let spoken = finish(stormglass(["list"])).with_code(0).stdout;
    let listed = finish(stormglass(["list", "--json"])).with_code(0).json();
    for title in ["targets", "workloads", "faults", "bugs", "models", "checkers", "consistency", "formats"] {
        assert!(spoken.contains(&title.to_uppercase()), "{title} in\n{spoken}");
        let entries = listed[title].as_array().expect(title);
        assert!(!entries.is_empty(), "{title}");
        for entry in entries {
            let name = entry["name"].as_str().expect("a name");
            assert!(spoken.contains(name), "{name} in\n{spoken}");
            assert_ne!(entry["summary"], "", "{name}");
        }
        let alone = finish(stormglass(["list", title, "--json"])).with_code(0).json();
        assert_eq!(alone[title], listed[title]);
    }
}

#[test]
fn the_doctor_speaks_json() {
    let findings = finish(stormglass(["doctor", "--json"])).with_code(0).json();
    let findings = findings.as_array().expect("a list");
    for name in ["sandbox", "user namespaces"] {
        let finding = findings.iter().find(|finding| finding["name"] == name).expect(name);
        assert!(finding["works"].is_boolean() && finding["detail"].is_string(), "{finding}");
    }
    let spoken = finish(stormglass(["doctor"])).with_code(0).stdout;
    assert!(spoken.contains("sandbox"), "{spoken}");
}
