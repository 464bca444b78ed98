//! What behaviors have done outside of a chat, and who calls them from there: calls over HTTP, records, hooks.

mod before;
mod calls;
mod hooks;
mod intents;
mod other_bots;
mod records;
mod schedules;
mod simulations;
mod told;
