//! Stories over Telegram. Alice writes to a pizzeria's bot.

mod albums;
mod asking;
mod conversation;
mod door;
mod failures;
mod files;
mod payments;
mod restart;
mod world;
