//! What an agent asked to hear of customers on a site: of some teams, and not more of them than they can show.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};
use tidings_model::{CustomerId, GroupNumber};

/// Customers of whom an agent wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub id: String,
    /// Those of these teams; of all, where there are none.
    pub groups: BTreeSet<GroupNumber>,
    /// Of how many they hear at once. How many more there are is told as a number.
    pub limit: usize,
    /// Of whom they hear.
    pub tracked: HashSet<CustomerId>,
    /// How many there were when it was last told; `None` while all are heard of.
    pub told: Option<u64>,
}

impl Subscription {
    /// Whether a push about a customer belongs to it. Who comes is heard of from then on, where there is room, until they
    /// go.
    pub(super) fn hears(&mut self, customer: CustomerId, action: &str, payload: &Value) -> bool {
        match action {
            "incoming_customer" if !self.tracked.contains(&customer) => {
                let has_room = self.tracked.len() < self.limit;
                has_room && self.is_for(group_of(payload)) && self.tracked.insert(customer)
            }
            "customer_left" => self.tracked.remove(&customer),
            _ => self.tracked.contains(&customer),
        }
    }

    /// Whether it is about customers of a team.
    pub fn is_for(&self, group: GroupNumber) -> bool {
        self.groups.is_empty() || self.groups.contains(&group)
    }

    /// How many there are now, where that is to be told: they are more than are heard of, or were.
    pub(super) fn count(&mut self, total: u64, told: &mut Map<String, Value>) {
        let is_above = usize::try_from(total).is_ok_and(|total| total > self.limit);
        if (is_above || self.told.is_some()) && self.told != Some(total) {
            told.insert(self.id.clone(), total.into());
        }
        self.told = is_above.then_some(total);
    }
}

/// The team of a customer, as a push shows them.
fn group_of(payload: &Value) -> GroupNumber {
    let number = payload.pointer("/group_ids/0").and_then(Value::as_u64);
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.map_or(GroupNumber::EVERYONE, GroupNumber)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn customer(number: u128) -> CustomerId {
        CustomerId::new(uuid::Uuid::from_u128(number))
    }

    fn of(limit: usize, groups: impl IntoIterator<Item = u32>) -> Subscription {
        Subscription {
            id: "s".into(),
            groups: groups.into_iter().map(GroupNumber).collect(),
            limit,
            tracked: HashSet::new(),
            told: None,
        }
    }

    #[test]
    fn not_more_are_heard_of_than_there_is_room_for() {
        let mut subscription = of(1, []);
        let shown = json!({});
        assert!(subscription.hears(customer(1), "incoming_customer", &shown));
        assert!(!subscription.hears(customer(2), "incoming_customer", &shown), "it is full");
        assert!(!subscription.hears(customer(2), "customer_updated", &shown));
        assert!(!subscription.hears(customer(2), "customer_left", &shown));
        assert!(subscription.hears(customer(1), "incoming_customer", &shown), "a new visit");
        assert!(subscription.hears(customer(1), "customer_left", &shown));
        assert!(subscription.hears(customer(3), "incoming_customer", &shown), "there is room");
    }

    #[test]
    fn only_those_of_the_teams_are_heard_of() {
        let mut subscription = of(9, [7]);
        let shown = json!({ "group_ids": [7] });
        assert!(!subscription.hears(customer(1), "incoming_customer", &json!({})));
        assert!(subscription.hears(customer(2), "incoming_customer", &shown));
        assert!(subscription.hears(customer(2), "customer_page_updated", &json!({})));
    }

    #[test]
    fn a_total_is_told_when_it_changes_above_the_limit_and_when_it_comes_down() {
        let mut subscription = of(2, []);
        let mut count = |total| {
            let mut told = Map::new();
            subscription.count(total, &mut told);
            told.get("s").cloned()
        };
        assert_eq!(count(2), None);
        assert_eq!(count(3), Some(json!(3)));
        assert_eq!(count(3), None, "nothing changed");
        assert_eq!(count(2), Some(json!(2)), "all are heard of again");
        assert_eq!(count(1), None);
    }
}
