//! The person on the other side, with one identity per channel. Identities of different channels are never merged by
//! themselves.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentId, ChannelId, CustomerId, GroupNumber, Timestamp};

/// A person on the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Their id.
    pub id: CustomerId,
    /// What they call themselves, where the channel tells.
    #[serde(default)]
    pub name: Option<String>,
    /// Their mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether they proved that the address is theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// Their telephone number.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// A picture of them.
    #[serde(default)]
    pub avatar: Option<String>,
    /// What their page or an agent noted about this session, in order: each entry one key and its value.
    #[serde(default)]
    pub session_fields: Vec<Map<String, Value>>,
    /// What else is known of them: address, omnichannel, ...
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Who they are was proved by a signed identity: the subject that it names.
    #[serde(default)]
    pub verified_as: Option<String>,
    /// Teams that they are with, by number.
    #[serde(default)]
    pub group: Option<GroupNumber>,
    /// Their present or last visit.
    #[serde(default)]
    pub visit: Option<Visit>,
    /// How often they came, looked and wrote.
    #[serde(default)]
    pub statistics: Statistics,
    /// What their browser keeps for us.
    #[serde(default)]
    pub side_storage: Map<String, Value>,
    /// Their language as a BCP 47 tag, where the channel tells.
    #[serde(default)]
    pub language: Option<String>,
    /// Agents who watch them on their way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub followers: BTreeSet<AgentId>,
    /// By which names the channels know them.
    pub identities: Vec<Identity>,
    /// What bots keep about them: `client.*` in templates.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// When they first came.
    pub created_at: Timestamp,
}

/// By which name one channel knows a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The channel.
    pub channel: ChannelId,
    /// The outside service's id of the person.
    pub id: String,
}

impl Customer {
    /// Somebody who came just now.
    pub fn new(id: CustomerId, now: Timestamp) -> Self {
        Self {
            id,
            name: None,
            email: None,
            email_verified: false,
            phone_number: None,
            avatar: None,
            session_fields: Vec::new(),
            details: Map::new(),
            verified_as: None,
            group: None,
            visit: None,
            statistics: Statistics::default(),
            side_storage: Map::new(),
            language: None,
            followers: BTreeSet::new(),
            identities: Vec::new(),
            data: Map::new(),
            created_at: now,
        }
    }
}

/// A stay on a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Its number, of this customer.
    pub id: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it lasts.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// From which address.
    #[serde(default)]
    pub ip: Option<String>,
    /// With which browser, as it calls itself.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// From which page of others they came.
    #[serde(default)]
    pub referrer: Option<String>,
    /// Where that address is, as far as the installation's database knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geolocation: Option<Geolocation>,
    /// How many pages they looked at.
    #[serde(default)]
    pub pages_count: u64,
    /// The goals of the site that they reached.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub goals: BTreeSet<String>,
    /// Whether their widget chooses simple greetings by itself.
    #[serde(default)]
    pub greets_itself: bool,
    /// Since when their page is in the background, as far as they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive_since: Option<Timestamp>,
    /// The last pages that they looked at, newest last.
    #[serde(default)]
    pub last_pages: Vec<Page>,
}

/// A place on the earth, as exact as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Geolocation {
    /// The country's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Its ISO 3166-1 alpha-2 code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The region's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The city's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The time zone, by its IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// In degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// In degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
}

/// A page that a customer looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// When.
    pub opened_at: Timestamp,
    /// Its address.
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
}

/// How often a customer came, looked and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Chats that they have or had.
    pub chats_count: u64,
    /// Threads in them.
    pub threads_count: u64,
    /// Stays on a site.
    pub visits_count: u64,
    /// Pages that they looked at.
    pub page_views_count: u64,
    /// Greetings that they saw.
    pub greetings_shown_count: u64,
    /// Greetings that they took up.
    pub greetings_accepted_count: u64,
}
