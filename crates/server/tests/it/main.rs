//! The binary `tidings`, started as an operator starts it: on a free port, in a folder of its own, spoken to over HTTP and
//! the command line only.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a missing field or a wrong answer fails the test, which is what it is for"
)]

mod backups;
mod bin;
mod bots;
mod brokers;
mod browser;
mod command_line;
mod damage;
mod deliveries;
mod demo;
mod deploying;
mod disk_full;
mod installation;
mod killing;
mod killing_chats;
mod livechat_clients;
mod livechat_how_to;
mod many_nodes;
mod moving;
mod own_types;
mod receivers;
mod scripts;
mod starting;
mod stopping;
mod subscriber;
