//! `list_archives`: threads by what was said and done in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use tidings_app::desk::look::archives::{self, AskedArchives, Asking, Filters, Highlights};
use tidings_app::desk::look::list;
use tidings_app::desk::look::page::{self, Asked};
use tidings_app::pipeline::index::{self, as_text};
use tidings_model::{GroupNumber, Timestamp};
use tidings_store::archive::facet;
use tidings_wire::livechat::Failure;

use crate::livechat::call::{Answer, Call};

/// How many rows a page has, unless asked otherwise: the published figure.
const ROWS_USUALLY: usize = 10;

#[derive(Deserialize)]
struct ListArchives {
    #[serde(default)]
    filters: Option<FilterArgs>,
    #[serde(default)]
    page_id: Option<String>,
    #[serde(default)]
    sort_order: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    highlights: Option<HighlightArgs>,
}

#[derive(Deserialize)]
struct HighlightArgs {
    #[serde(default = "opening")]
    pre_tag: String,
    #[serde(default = "closing")]
    post_tag: String,
}

fn opening() -> String {
    "<em>".into()
}

fn closing() -> String {
    "</em>".into()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FilterArgs {
    query: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    chat_ids: Option<Vec<String>>,
    thread_ids: Option<Vec<String>>,
    group_ids: Option<BTreeSet<GroupNumber>>,
    properties: BTreeMap<String, BTreeMap<String, ValueFilter>>,
    agents: Option<ValueFilter>,
    tags: Option<ValueFilter>,
    sales: Option<ValueFilter>,
    goals: Option<ValueFilter>,
    event_types: Option<ValueFilter>,
    customer_countries: Option<ValueFilter>,
    forms: Option<FormFilter>,
    greetings: Option<ValueFilter>,
    agent_response: Option<ResponseFilter>,
    agent_types: Option<TypeFilter>,
    customer_id: Option<String>,
    customer_email: Option<String>,
}

/// What most filters take.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ValueFilter {
    exists: Option<bool>,
    values: Option<Vec<Value>>,
    exclude_values: Option<Vec<Value>>,
    require_every_value: bool,
    groups: Option<Vec<Value>>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FormFilter {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(flatten)]
    rest: ValueFilter,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseFilter {
    exists: Option<bool>,
    first: bool,
    agents: Option<Vec<Value>>,
    groups: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TypeFilter {
    all_values: Option<Vec<Value>>,
    any_values: Option<Vec<Value>>,
    exclude_values: Option<Vec<Value>>,
}

fn texts(values: Option<Vec<Value>>) -> Option<Vec<String>> {
    Some(values?.iter().map(as_text).collect())
}

impl ValueFilter {
    fn asks(self, name: impl Into<String>) -> Asking {
        Asking {
            name: name.into(),
            exists: self.exists,
            values: texts(self.values),
            exclude_values: texts(self.exclude_values),
            require_every_value: self.require_every_value,
            groups: texts(self.groups),
            from: self.from,
            to: self.to,
        }
    }
}

impl TypeFilter {
    fn asks(self) -> [Asking; 2] {
        let name = facet::AGENT_TYPE;
        let all = Asking {
            name: name.into(),
            values: texts(self.all_values),
            require_every_value: true,
            ..Asking::default()
        };
        let any = Asking {
            name: name.into(),
            values: texts(self.any_values),
            exclude_values: texts(self.exclude_values),
            ..Asking::default()
        };
        [all, any]
    }
}

impl ResponseFilter {
    fn asks(self) -> Asking {
        let name = if self.first { facet::FIRST_RESPONSE } else { facet::LAST_RESPONSE };
        Asking {
            name: name.into(),
            exists: self.exists,
            values: texts(self.agents),
            groups: texts(self.groups),
            ..Asking::default()
        }
    }
}

impl FilterArgs {
    fn read(self, highlights: Option<HighlightArgs>) -> Result<Filters, Failure> {
        let mut facets = Vec::new();
        for (namespace, names) in self.properties {
            for (name, filter) in names {
                facets.push(filter.asks(facet::property(&namespace, &name)));
            }
        }
        let plain = [
            (facet::AGENT, self.agents),
            (facet::TAG, self.tags),
            (facet::SALE, self.sales),
            (facet::GOAL, self.goals),
            (facet::EVENT_TYPE, self.event_types),
            (facet::COUNTRY, self.customer_countries),
            (facet::GREETING, self.greetings),
        ];
        facets.extend(plain.into_iter().filter_map(|(name, filter)| Some(filter?.asks(name))));
        if let Some(form) = self.forms {
            let name = match form.kind.as_deref() {
                None => index::FORM,
                Some("pre_chat") => facet::PRE_CHAT_FORM,
                Some("post_chat") => facet::POST_CHAT_FORM,
                Some(_) => {
                    return Err(Failure::field(
                        "filters.forms.type",
                        "must be one of pre_chat, post_chat",
                    ));
                }
            };
            facets.push(form.rest.asks(name));
        }
        facets.extend(self.agent_response.map(ResponseFilter::asks));
        facets.extend(self.agent_types.into_iter().flat_map(TypeFilter::asks));
        let one = |name: &str, value: String| Asking {
            name: name.into(),
            values: Some(vec![value]),
            ..Asking::default()
        };
        facets.extend(self.customer_id.map(|id| one(facet::CUSTOMER, id)));
        let email = self.customer_email.map(|email| email.to_lowercase());
        facets.extend(email.map(|email| one(facet::CUSTOMER_EMAIL, email)));
        Ok(Filters {
            query: self.query,
            from: self.from,
            to: self.to,
            chat_ids: self.chat_ids,
            thread_ids: self.thread_ids,
            group_ids: self.group_ids,
            facets,
            highlights: highlights
                .map(|HighlightArgs { pre_tag, post_tag }| Highlights { pre_tag, post_tag }),
        })
    }
}

/// `list_archives`.
pub(super) async fn list(call: &Call) -> Answer {
    let args: ListArchives = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let asked: AskedArchives = match &args.page_id {
        Some(id) => page::read(app, actor.workspace, archives::LIST, id)?,
        None => Asked {
            filters: args.filters.unwrap_or_default().read(args.highlights)?,
            order: list::order(args.sort_order.as_deref()),
            limit: args.limit.unwrap_or(ROWS_USUALLY),
            place: None,
            back: false,
        },
    };
    let found = archives::search(app, actor, &asked).await?;
    Ok(list::answer(("chats", found.chats), ("found_chats", found.total), found.pages))
}
