//! How fast a bot may send. Telegram publishes no exact limits; these are those of its "Bots FAQ" ("My bot is hitting
//! limits, how do I avoid this?"). Past them it answers 429 with `retry_after`, which counts more than any number here.

/// Messages a second, all chats together: "about 30 messages per second".
pub const OVERALL_PER_SECOND: u32 = 30;

/// Messages a second in one chat: "avoid sending more than one message per second. We may allow short bursts".
pub const CHAT_PER_SECOND: u32 = 1;

/// How many messages may follow one another at once in one chat. The FAQ allows "short bursts" and names no number; three
/// is what a bot's turn mostly says.
pub const CHAT_BURST: u32 = 3;

/// Messages a minute in one group: "not be able to send more than 20 messages per minute".
pub const GROUP_PER_MINUTE: u32 = 20;

/// The longest `retry_after` that is waited for, in seconds: a day. The longest one reported is 10,072 (tdlib/td #1331).
pub const RETRY_AFTER_S_MAX: u64 = 86_400;
