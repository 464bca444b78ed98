//! The promises of the contract, as tests that any engine runs.
//!
//! An engine gives a [`Place`]: a fresh, empty store that can be opened again. [`conformance_tests!`] makes a test of
//! every promise, each in a place of its own. A new promise starts here, before any engine keeps it.
//!
//! [`conformance_tests!`]: crate::conformance_tests

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: they panic to fail"
)]

pub mod archive;
pub mod atomic;
pub mod claims;
pub mod cursors;
pub mod documents;
pub mod everything;
pub mod follow;
pub mod lasting;
pub mod log;
pub mod model;
pub mod numbers;
pub mod threads;
pub mod timers;
pub mod transfer;
pub mod versions;
pub mod workspaces;
pub mod world;

pub use archive::Shelf;
pub use everything::{Everything, everything};
pub use transfer::Yard;
pub use world::{HandClock, Place, World};

/// Makes a test of every promise; the argument is evaluated for each and gives a fresh [`Place`].
#[macro_export]
macro_rules! conformance_tests {
    ($place:expr) => {
        $crate::conformance_tests! {
            @each $place;
            atomic::a_refused_batch_leaves_no_trace;
            atomic::a_batch_that_contradicts_itself_is_refused;
            atomic::a_batch_that_only_looks_writes_nothing;
            atomic::an_event_that_is_there_refuses_its_own_batch_alone;
            claims::a_claim_is_taken_once_whoever_asks;
            claims::a_repeated_batch_is_told_of_its_claim;
            claims::a_claim_may_have_no_outcome;
            cursors::a_cursor_never_moves_back;
            documents::a_page_leads_to_the_next;
            documents::an_index_entry_is_replaced_with_its_document;
            documents::an_index_is_paged_in_both_directions;
            documents::a_document_tells_when_it_was_written;
            documents::a_document_has_several_entries_of_one_name;
            documents::a_range_is_paged_in_both_directions;
            documents::documents_are_counted;
            follow::a_follower_sees_every_event_once_and_in_order;
            follow::a_follower_that_is_far_behind_catches_up;
            follow::a_follower_of_one_chat_sees_that_chat_only;
            follow::a_follower_that_stops_waiting_misses_nothing;
            follow::a_follower_passes_over_forgotten_events;
            lasting::everything_is_there_after_reopening;
            lasting::a_closed_store_says_so;
            lasting::what_waits_at_closing_is_written;
            lasting::forgotten_events_are_gone_and_their_numbers_too;
            lasting::old_claims_are_forgotten;
            lasting::a_backup_is_a_store_with_the_same_content;
            lasting::a_sound_store_verifies;
            lasting::sizes_are_counted;
            log::an_event_is_found_by_its_id;
            log::events_come_in_pages_in_order;
            log::a_chat_is_read_from_its_end;
            log::a_chat_of_many_threads_is_read_in_the_order_of_the_log;
            log::rare_types_are_found;
            model::any_history_reads_as_the_model_says;
            numbers::events_are_numbered_in_the_order_of_the_batch;
            numbers::no_number_is_missing_while_many_write;
            threads::a_thread_is_read_by_its_orders;
            threads::a_thread_is_read_whatever_happens_beside_it;
            threads::a_refused_batch_leaves_threads_as_they_were;
            timers::a_timer_is_set_moved_and_cancelled;
            timers::a_timer_is_taken_once;
            timers::a_timer_is_taken_only_as_it_was_seen;
            timers::due_timers_come_earliest_first;
            timers::timers_are_asked_for_by_share;
            versions::a_document_counts_its_writes;
            versions::a_wrong_version_is_refused;
            versions::no_update_is_lost_among_many_writers;
            workspaces::nothing_of_one_is_seen_from_another;
            workspaces::workspaces_are_listed_oldest_first;
        }
    };
    (@each $place:expr; $($topic:ident::$promise:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            $crate::conformance::$topic::$promise($crate::conformance::World::new(Box::new($place))).await;
        }
    )*};
}

/// Makes a test of every promise of a move; the argument is evaluated for each and gives a fresh [`Yard`].
#[macro_export]
macro_rules! transfer_conformance_tests {
    ($yard:expr) => {
        $crate::transfer_conformance_tests! {
            @each $yard;
            a_moved_store_is_equal;
            a_store_that_is_not_empty_takes_no_load;
            a_load_that_was_cut_short_begins_again;
        }
    };
    (@each $yard:expr; $($promise:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            $crate::conformance::transfer::$promise(::std::sync::Arc::new($yard)).await;
        }
    )*};
}

/// Makes a test of every promise of [`Archive`]; the argument is evaluated for each and gives a fresh [`Shelf`].
///
/// [`Archive`]: crate::archive::Archive
#[macro_export]
macro_rules! archive_conformance_tests {
    ($shelf:expr) => {
        $crate::archive_conformance_tests! {
            @each $shelf;
            what_was_said_is_found;
            what_was_said_before_is_found_no_more_when_it_is_replaced;
            no_query_is_an_error;
            pages_lead_there_and_back;
            a_place_that_no_page_told_is_refused;
            facets_are_asked_for_by_every_rule;
            a_group_and_a_time_are_asked_of_one_facet;
            only_visible_groups_are_seen;
            chats_threads_and_times_are_asked_for;
            what_comes_twice_is_passed_over;
            nothing_of_one_workspace_is_seen_from_another;
            a_closed_archive_says_so;
            any_archive_reads_as_the_model_says;
        }
    };
    (@each $shelf:expr; $($promise:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            $crate::conformance::archive::$promise(Box::new($shelf)).await;
        }
    )*};
}
