//! How numbers and times are laid out: PostgreSQL's integers have signs.

use tidings_model::{Order, Seq, Timestamp};

/// A time as it is stored: nanoseconds since 1970. Times outside of the years 1678 to 2261 become the nearest of these.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    let nearest = if time.as_second() < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(time.as_nanosecond()).unwrap_or(nearest)
}

/// The stored time.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .expect("64 bits of nanoseconds are within the years -9999 to 9999")
}

/// A number as it is stored; one beyond the highest is taken as the highest.
pub(crate) fn sql_seq(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// The stored number.
pub(crate) const fn seq(stored: i64) -> Seq {
    Seq(stored.cast_unsigned())
}

/// As [`sql_seq`], of an order.
pub(crate) fn sql_order(order: Order) -> i64 {
    i64::try_from(order.0).unwrap_or(i64::MAX)
}

/// A limit as SQL takes it, under a ceiling.
pub(crate) fn limit(asked: usize, ceiling: usize) -> i64 {
    i64::try_from(asked.min(ceiling)).unwrap_or(i64::MAX)
}
