//! The reference page in the repository is the one that the catalogue gives.

use std::path::Path;

use tidings_catalogue::reference_page;

use crate::builtin;

#[test]
fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/event-types.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == reference_page(&builtin()),
        "docs/reference/event-types.md is not what the catalogue says; run\n  \
         cargo run -p tidings-catalogue --example reference > docs/reference/event-types.md"
    );
}

#[test]
fn every_name_is_on_the_page() {
    let catalogue = builtin();
    let page = reference_page(&catalogue);
    for each in catalogue.types() {
        assert!(page.contains(&format!("### `{}`", each.name)), "{}", each.name);
        for alias in &each.aliases {
            assert!(page.contains(&format!("| `{}` |", alias.name)), "{}", alias.name);
        }
    }
}
