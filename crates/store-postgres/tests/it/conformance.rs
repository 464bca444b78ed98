//! Every promise of the contract.

use crate::place::Database;

tidings_store::conformance_tests!(Database::new());
