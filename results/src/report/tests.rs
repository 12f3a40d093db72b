use super::*;

#[test]
fn placeholders_are_filled_once() {
    let parts = [("a", "{{b}}"), ("b", "x")];
    assert_eq!(fill("<{{a}}|{{b}}|{{c}}>", &parts), "<{{b}}|x|>");
}
