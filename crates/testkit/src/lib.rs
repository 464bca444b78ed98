//! A world for tests: the real server, a clock to turn, and simulated outside services.

pub mod bus;
pub mod clock;
pub mod desk;
pub mod members;
pub mod nodes;
pub mod places;
pub mod receiver;
pub mod receiver_cases;
pub mod rtm;
pub mod store;
pub mod telegram;
pub mod visitor;
pub mod world;
