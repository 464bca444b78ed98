//! The conditions of greetings and goals: what is known of a visitor on a page, held against them. Pure.
//!
//! What is not known of a visitor never holds, also not where a rule asks that it be something else: who cannot be placed
//! is not "outside of Poland". A rule that is not understood (its type, its operator, its number) never holds either.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{Customer, Geolocation, Timestamp, Visit};
use url::Url;

/// One condition of a greeting, or of a goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether it must hold (`and`), or is one of which one must (`or`).
    pub condition: String,
    /// What it looks at.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it compares.
    pub operator: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// With which pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<Page>,
    /// With which session field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_field: Option<Value>,
}

/// A page of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Its address, or a part of it.
    pub url: String,
    /// How it compares.
    #[serde(default)]
    pub operator: Option<String>,
}

/// A visitor on a page, as rules look at them.
#[derive(Clone, Debug, Default)]
pub struct Looker<'a> {
    /// The page.
    pub url: &'a str,
    /// Where they came from.
    pub referrer: Option<&'a str>,
    /// The last pages that they saw in this visit, this one too.
    pub pages: Vec<&'a str>,
    /// How many pages they saw in this visit.
    pub page_views: u64,
    /// How many visits they made.
    pub visits: u64,
    /// How long this visit lasts, in seconds.
    pub seconds_on_site: u64,
    /// How long they are on this page, in seconds.
    pub seconds_on_page: u64,
    /// What is noted about their session.
    pub session_fields: &'a [Map<String, Value>],
    /// Where they are.
    pub place: Option<&'a Geolocation>,
}

impl<'a> Looker<'a> {
    /// A customer on the page that they are on now, with their visit; `None` where they are on none.
    pub fn of(customer: &'a Customer, now: Timestamp) -> Option<(&'a Visit, Self)> {
        let visit = customer.visit.as_ref()?;
        let page = visit.last_pages.last()?;
        let since = |begin: Timestamp| {
            u64::try_from(now.as_second().saturating_sub(begin.as_second())).unwrap_or(0)
        };
        let looker = Self {
            url: &page.url,
            referrer: visit.referrer.as_deref(),
            pages: visit.last_pages.iter().map(|page| page.url.as_str()).collect(),
            page_views: visit.pages_count,
            visits: customer.statistics.visits_count,
            seconds_on_site: since(visit.started_at),
            seconds_on_page: since(page.opened_at),
            session_fields: &customer.session_fields,
            place: visit.geolocation.as_ref(),
        };
        Some((visit, looker))
    }

    fn later(&self, seconds: u64) -> Self {
        Self {
            seconds_on_site: self.seconds_on_site.saturating_add(seconds),
            seconds_on_page: self.seconds_on_page.saturating_add(seconds),
            ..self.clone()
        }
    }
}

/// Whether rules hold: all with `and`, and one with `or` if there are such.
fn hold(rules: &[Rule], looker: &Looker<'_>) -> bool {
    let (any, all): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().partition(|rule| rule.condition == "or");
    all.iter().all(|rule| rule.holds(looker))
        && (any.is_empty() || any.iter().any(|rule| rule.holds(looker)))
}

/// In how many seconds rules hold, if the visitor stays where they are: 0 when they do now, `None` when they will not.
pub fn hold_in(rules: &[Rule], looker: &Looker<'_>) -> Option<u64> {
    let mut turns: Vec<u64> = rules.iter().filter_map(|rule| rule.turns_in(looker)).collect();
    turns.push(0);
    turns.sort_unstable();
    turns.into_iter().find(|seconds| hold(rules, &looker.later(*seconds)))
}

/// Where browsers of people whom an advertisement brought have it in the address of the page.
const ADVERTISED: [&str; 6] = ["gclid", "gbraid", "wbraid", "dclid", "msclkid", "twclid"];

/// What `utm_medium` says of them.
const PAID: [&str; 6] = ["cpc", "ppc", "paid", "paidsearch", "display", "cpm"];

/// The parameters by which search engines name what was searched for.
const SEARCHED: [&str; 4] = ["q", "query", "p", "text"];

impl Rule {
    fn holds(&self, looker: &Looker<'_>) -> bool {
        let text = |texts: &[&str]| self.compares(texts);
        match self.kind.as_str() {
            "url_current" => text(&[looker.url]),
            "url_visited" => text(&looker.pages),
            "url_funnel" => self.is_funnel(&looker.pages),
            "url_referrer" => text(looker.referrer.as_slice()),
            "search_keyword" => {
                let searched = looker.referrer.and_then(|referrer| parameter(referrer, &SEARCHED));
                text(searched.as_deref().as_slice())
            }
            "ads_traffic" => looker.pages.iter().any(|page| is_advertised(page)),
            "geolocation" => text(&names_of(looker.place)),
            "visit_time_site" => self.counts(looker.seconds_on_site),
            "visit_time_page" => self.counts(looker.seconds_on_page),
            "visits_number" => self.counts(looker.visits),
            "pages_view_number" => self.counts(looker.page_views),
            "url_match_page_view_number" => {
                let seen =
                    looker.pages.iter().filter(|page| self.urls.iter().any(|url| url.is(page)));
                !self.urls.is_empty() && self.counts(seen.count() as u64)
            }
            "custom_variable" => self.has_field(looker.session_fields),
            _ => false,
        }
    }

    /// In how many seconds a rule about time begins to hold.
    fn turns_in(&self, looker: &Looker<'_>) -> Option<u64> {
        let spent = match self.kind.as_str() {
            "visit_time_site" => looker.seconds_on_site,
            "visit_time_page" => looker.seconds_on_page,
            _ => return None,
        };
        let wanted = self.number()?;
        let first = match Number::of(&self.operator)? {
            Number::More => wanted.saturating_add(1),
            Number::AtLeast | Number::Equal => wanted,
            // These hold at the beginning, or never.
            Number::Less | Number::AtMost | Number::Other => return None,
        };
        first.checked_sub(spent)
    }

    fn number(&self) -> Option<u64> {
        self.value.as_deref()?.trim().parse().ok()
    }

    fn counts(&self, is: u64) -> bool {
        let (Some(wanted), Some(operator)) = (self.number(), Number::of(&self.operator)) else {
            return false;
        };
        match operator {
            Number::Equal => is == wanted,
            Number::Other => is != wanted,
            Number::Less => is < wanted,
            Number::AtMost => is <= wanted,
            Number::More => is > wanted,
            Number::AtLeast => is >= wanted,
        }
    }

    fn compares(&self, texts: &[&str]) -> bool {
        let (Some(wanted), Some(operator)) = (self.value.as_deref(), Text::of(&self.operator))
        else {
            return false;
        };
        operator.holds(texts, wanted)
    }

    /// The pages, one after the other, ended here.
    fn is_funnel(&self, pages: &[&str]) -> bool {
        let start = pages.len().checked_sub(self.urls.len());
        let last = start.and_then(|start| pages.get(start..)).unwrap_or_default();
        !self.urls.is_empty()
            && last.len() == self.urls.len()
            && self.urls.iter().zip(last).all(|(wanted, page)| wanted.is(page))
    }

    fn has_field(&self, fields: &[Map<String, Value>]) -> bool {
        let wanted = self.session_field.as_ref().and_then(Value::as_object);
        let (Some(wanted), Some(operator)) = (wanted, Text::of(&self.operator)) else {
            return false;
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let holds = |(name, value): (&String, &Value)| {
            let values: Vec<String> =
                fields.iter().filter_map(|field| field.get(name)).map(text).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            operator.holds(&values, &text(value))
        };
        !wanted.is_empty() && wanted.iter().all(holds)
    }
}

impl Page {
    fn is(&self, page: &str) -> bool {
        let operator = Text::of(self.operator.as_deref().unwrap_or("contains"));
        operator.is_some_and(|operator| operator.holds(&[page], &self.url))
    }
}

/// The names by which a place may be asked for.
fn names_of(place: Option<&Geolocation>) -> Vec<&str> {
    let Some(place) = place else { return Vec::new() };
    let names = [&place.country_code, &place.country, &place.region, &place.city];
    names.into_iter().flatten().map(String::as_str).collect()
}

fn parameter(url: &str, names: &[&str]) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let found = url
        .query_pairs()
        .find(|(name, value)| names.contains(&name.as_ref()) && !value.trim().is_empty());
    found.map(|(_, value)| value.into_owned())
}

fn is_advertised(page: &str) -> bool {
    let medium = parameter(page, &["utm_medium"]);
    parameter(page, &ADVERTISED).is_some()
        || medium.is_some_and(|medium| PAID.contains(&medium.to_lowercase().as_str()))
}

/// How texts are compared, whatever their case. The vendor publishes no list of its words, so the usual ones are taken.
#[derive(Clone, Copy)]
enum Text {
    Equal,
    Contains,
    Begins,
    Ends,
    Differs,
    Lacks,
}

impl Text {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "equals" | "equal" | "is" | "exact" | "exact_match" | "=" => Self::Equal,
            "contains" | "matches" | "" => Self::Contains,
            "starts_with" | "begins_with" => Self::Begins,
            "ends_with" => Self::Ends,
            "not_equals" | "does_not_equal" | "is_not" | "!=" => Self::Differs,
            "not_contains" | "does_not_contain" => Self::Lacks,
            _ => return None,
        })
    }

    /// Whether one of the texts is so; or none, where the word says not. Without a text nothing is known.
    fn holds(self, texts: &[&str], wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let any = |is: fn(&str, &str) -> bool| {
            texts.iter().any(|text| is(text.to_lowercase().as_str(), wanted.as_str()))
        };
        match self {
            Self::Equal => any(|text, wanted| text == wanted),
            Self::Contains => any(|text, wanted| text.contains(wanted)),
            Self::Begins => any(|text, wanted| text.starts_with(wanted)),
            Self::Ends => any(|text, wanted| text.ends_with(wanted)),
            Self::Differs => !texts.is_empty() && !any(|text, wanted| text == wanted),
            Self::Lacks => !texts.is_empty() && !any(|text, wanted| text.contains(wanted)),
        }
    }
}

/// How numbers are compared; at least, unless it is said: what is counted only rises.
#[derive(Clone, Copy)]
enum Number {
    Equal,
    Other,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Number {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "equals" | "equal" | "is" | "=" | "eq" => Self::Equal,
            "not_equals" | "does_not_equal" | "is_not" | "!=" => Self::Other,
            "less_than" | "<" | "lt" => Self::Less,
            "less_or_equal" | "at_most" | "<=" | "lte" => Self::AtMost,
            "greater_than" | "more_than" | ">" | "gt" => Self::More,
            "greater_or_equal" | "at_least" | ">=" | "gte" | "contains" | "" => Self::AtLeast,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(value: Value) -> Vec<Rule> {
        serde_json::from_value(value).expect("the rules read")
    }

    fn rule(kind: &str, operator: &str, value: &str) -> Rule {
        let rule =
            json!([{ "condition": "and", "type": kind, "operator": operator, "value": value }]);
        rules(rule).remove(0)
    }

    #[test]
    fn all_of_and_one_of_or_must_hold() {
        let rules = rules(json!([
            { "condition": "and", "type": "url_current", "operator": "contains", "value": "/prices" },
            { "condition": "or", "type": "visits_number", "operator": "greater_than", "value": "3" },
            { "condition": "or", "type": "visit_time_site", "operator": "at_least", "value": "15" },
        ]));
        let looker = |url, visits, seconds| Looker {
            url,
            visits,
            seconds_on_site: seconds,
            ..Looker::default()
        };
        assert_eq!(hold_in(&rules, &looker("https://a.example/prices", 1, 15)), Some(0));
        assert_eq!(hold_in(&rules, &looker("https://a.example/prices", 4, 0)), Some(0));
        assert_eq!(hold_in(&rules, &looker("https://a.example/prices", 3, 5)), Some(10));
        assert_eq!(hold_in(&rules, &looker("https://a.example/", 4, 20)), None);
    }

    #[test]
    fn time_is_waited_for_until_all_of_it_has_passed() {
        let rules = rules(json!([
            { "condition": "and", "type": "visit_time_site", "operator": "greater_than", "value": "30" },
            { "condition": "and", "type": "visit_time_page", "operator": "at_least", "value": "10" },
        ]));
        let looker = |site, page| Looker {
            seconds_on_site: site,
            seconds_on_page: page,
            ..Looker::default()
        };
        assert_eq!(hold_in(&rules, &looker(0, 0)), Some(31));
        assert_eq!(hold_in(&rules, &looker(60, 0)), Some(10));
        assert_eq!(hold_in(&rules, &looker(60, 10)), Some(0));
        let short = [rule("visit_time_page", "less_than", "5")];
        assert_eq!(hold_in(&short, &looker(60, 3)), Some(0));
        assert_eq!(hold_in(&short, &looker(60, 5)), None);
    }

    #[test]
    fn a_funnel_is_the_last_pages_in_order() {
        let rule =
            rules(json!([{ "condition": "and", "type": "url_funnel", "operator": "contains",
            "urls": [{ "url": "/cart" }, { "url": "/pay", "operator": "ends_with" }] }]))
            .remove(0);
        let looker = |pages| Looker { pages, ..Looker::default() };
        assert!(rule.holds(&looker(vec!["/", "/cart", "/pay"])));
        assert!(!rule.holds(&looker(vec!["/cart", "/", "/pay"])));
        assert!(!rule.holds(&looker(vec!["/pay"])));
    }

    #[test]
    fn each_kind_holds_when_it_is_so_and_never_when_it_is_not_known() {
        let poland = Geolocation {
            country: Some("Poland".into()),
            country_code: Some("PL".into()),
            city: Some("Wrocław".into()),
            ..Geolocation::default()
        };
        let fields = [json!({ "plan": "gold" }), json!({ "cart": 3 })];
        let fields: Vec<_> = fields.iter().filter_map(Value::as_object).cloned().collect();
        let known = Looker {
            url: "https://shop.example/prices",
            referrer: Some("https://search.example/?q=blue+shoes"),
            pages: vec!["https://shop.example/?gclid=1", "https://shop.example/prices"],
            page_views: 2,
            visits: 2,
            seconds_on_site: 40,
            seconds_on_page: 5,
            session_fields: &fields,
            place: Some(&poland),
        };
        let unknown = Looker { url: "https://shop.example/", ..Looker::default() };
        let field = |operator: &str, field: Value| {
            let mut rule = rule("custom_variable", operator, "");
            rule.session_field = Some(field);
            rule
        };
        let mut seen = rule("url_match_page_view_number", "equals", "1");
        seen.urls = vec![Page { url: "/prices".into(), operator: None }];
        for holds in [
            rule("url_referrer", "contains", "SEARCH.example"),
            rule("url_referrer", "does_not_contain", "other.example"),
            rule("url_visited", "contains", "gclid"),
            rule("search_keyword", "contains", "blue shoes"),
            rule("ads_traffic", "", ""),
            rule("geolocation", "equals", "pl"),
            rule("geolocation", "is", "wrocław"),
            rule("geolocation", "is_not", "Germany"),
            rule("visits_number", "greater_than", "1"),
            rule("pages_view_number", "at_least", "2"),
            field("equals", json!({ "plan": "Gold" })),
            field("not_equals", json!({ "cart": 4 })),
            seen.clone(),
        ] {
            assert!(holds.holds(&known), "{holds:?}");
            assert!(!holds.holds(&unknown), "what is not known: {holds:?}");
        }
        for never in [
            rule("url_visited", "not_contains", "prices"),
            rule("geolocation", "not_equals", "PL"),
            rule("visits_number", "resembles", "2"),
            rule("visits_number", "equals", "two"),
            rule("url_current", "resembles", "prices"),
            rule("phase_of_the_moon", "equals", "full"),
            field("equals", json!({})),
        ] {
            assert!(!never.holds(&known), "{never:?}");
        }
    }
}
