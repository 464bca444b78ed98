//! Whatever agents and a customer do to a chat, in whatever order: it is as a small model says, and each refusal is the
//! one that the model gives.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use tidings_model::AgentStatus;
use tidings_store::{DocKey, Kind};
use tidings_testkit::desk::{AgentClient, Refused, error_type};

use super::{Shop, present};

/// How many stories are told: each needs a server of its own.
const STORIES: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Bob,
    Carol,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Close { by: Who, ignore: bool },
    AliceCloses,
    Resume { by: Who },
    AliceResumes,
    Add { by: Who, whom: Who, ignore: bool },
    Remove { by: Who, whom: Who, ignore: bool },
    Transfer { by: Who, to: Who, ignore: bool },
    Follow { by: Who },
    Unfollow { by: Who },
}

/// What there is to know of a chat.
#[derive(Debug, Default)]
struct Model {
    active: bool,
    present: BTreeSet<Who>,
    followers: BTreeSet<Who>,
    closed: usize,
    reopened: usize,
}

impl Model {
    /// Does it; gives the type of the error, or nothing.
    fn does(&mut self, deed: Deed) -> &'static str {
        let absent = |by: &Who, ignore: bool| !ignore && !self.present.contains(by);
        match deed {
            Deed::Close { .. } | Deed::AliceCloses if !self.active => return "chat_inactive",
            Deed::Add { .. } | Deed::Remove { .. } | Deed::Transfer { .. } if !self.active => {
                return "chat_inactive";
            }
            Deed::Resume { .. } | Deed::AliceResumes if self.active => {
                return "chat_already_active";
            }
            Deed::Close { by, ignore }
            | Deed::Add { by, ignore, .. }
            | Deed::Remove { by, ignore, .. }
            | Deed::Transfer { by, ignore, .. }
                if absent(&by, ignore) =>
            {
                return "authorization";
            }
            Deed::Close { .. } | Deed::AliceCloses => {
                self.active = false;
                self.closed += 1;
            }
            Deed::Resume { by } => self.resume(BTreeSet::from([by])),
            Deed::AliceResumes => self.resume(BTreeSet::new()),
            Deed::Add { whom, .. } => {
                self.present.insert(whom);
            }
            Deed::Remove { whom, .. } => {
                if !self.present.remove(&whom) {
                    return "not_found";
                }
            }
            Deed::Transfer { to, .. } => self.present = BTreeSet::from([to]),
            Deed::Follow { by } => {
                if !self.present.contains(&by) {
                    self.followers.insert(by);
                }
            }
            Deed::Unfollow { by } => {
                if self.present.contains(&by) {
                    return "validation";
                }
                self.followers.remove(&by);
            }
        }
        ""
    }

    fn resume(&mut self, present: BTreeSet<Who>) {
        self.active = true;
        self.reopened += 1;
        self.present = present;
        self.followers.clear();
    }
}

fn agent(shop: &Shop, who: Who) -> &AgentClient {
    match who {
        Who::Bob => &shop.bob,
        Who::Carol => &shop.carol,
    }
}

async fn act(shop: &Shop, chat: &str, deed: Deed) -> Result<Value, Refused> {
    let id = |who: Who| agent(shop, who).id.to_string();
    match deed {
        Deed::Close { by, ignore } => {
            let asked = json!({ "id": chat, "ignore_requester_presence": ignore });
            agent(shop, by).call("deactivate_chat", asked).await
        }
        Deed::AliceCloses => shop.alice.call("deactivate_chat", json!({ "id": chat })).await,
        Deed::Resume { by } => {
            agent(shop, by).call("resume_chat", json!({ "chat": { "id": chat } })).await
        }
        Deed::AliceResumes => {
            let asked = json!({ "chat": { "id": chat }, "continuous": true });
            shop.alice.call("resume_chat", asked).await
        }
        Deed::Add { by, whom, ignore } => {
            let asked = json!({
                "chat_id": chat, "user_id": id(whom), "user_type": "agent", "visibility": "all",
                "ignore_requester_presence": ignore,
            });
            agent(shop, by).call("add_user_to_chat", asked).await
        }
        Deed::Remove { by, whom, ignore } => {
            let asked = json!({
                "chat_id": chat, "user_id": id(whom), "user_type": "agent",
                "ignore_requester_presence": ignore,
            });
            agent(shop, by).call("remove_user_from_chat", asked).await
        }
        Deed::Transfer { by, to, ignore } => {
            let asked = json!({
                "id": chat, "target": { "type": "agent", "ids": [id(to)] },
                "ignore_agents_availability": true, "ignore_requester_presence": ignore,
            });
            agent(shop, by).call("transfer_chat", asked).await
        }
        Deed::Follow { by } => agent(shop, by).call("follow_chat", json!({ "id": chat })).await,
        Deed::Unfollow { by } => agent(shop, by).call("unfollow_chat", json!({ "id": chat })).await,
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![Just(Who::Bob), Just(Who::Carol)]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (who(), any::<bool>()).prop_map(|(by, ignore)| Deed::Close { by, ignore }),
        Just(Deed::AliceCloses),
        who().prop_map(|by| Deed::Resume { by }),
        Just(Deed::AliceResumes),
        (who(), who(), any::<bool>()).prop_map(|(by, whom, ignore)| Deed::Add { by, whom, ignore }),
        (who(), who(), any::<bool>()).prop_map(|(by, whom, ignore)| Deed::Remove {
            by,
            whom,
            ignore
        }),
        (who(), who(), any::<bool>()).prop_map(|(by, to, ignore)| Deed::Transfer {
            by,
            to,
            ignore
        }),
        who().prop_map(|by| Deed::Follow { by }),
        who().prop_map(|by| Deed::Unfollow { by }),
    ]
}

/// Whether the chat is as the model says, and its lease is with one who is there.
async fn agree(shop: &Shop, chat: &str, model: &Model) -> Result<(), TestCaseError> {
    for who in [Who::Bob, Who::Carol] {
        let seen = agent(shop, who).call("get_chat", json!({ "chat_id": chat })).await;
        let seen = seen.expect("both see it");
        let there: BTreeSet<String> =
            present(&seen).into_iter().filter(|id| id.contains('@')).collect();
        let expected: BTreeSet<String> =
            model.present.iter().map(|who| agent(shop, *who).id.to_string()).collect();
        prop_assert_eq!(there, expected);
        prop_assert_eq!(&seen["thread"]["active"], &json!(model.active));
        prop_assert_eq!(&seen["is_followed"], &json!(model.followers.contains(&who)));
    }
    let id = shop.world.events_of("chat.started").await[0]["chat"].clone();
    let key = DocKey::new(Kind::Control, id.as_str().unwrap_or_default());
    let control = shop.world.app.store().document(shop.world.workspace, &key).await;
    let control = control.expect("it can be read").map(|document| document.body);
    let holder = control.map_or_else(|| json!({ "kind": "nobody" }), |body| body["holder"].clone());
    if !model.active {
        prop_assert_eq!(&holder["kind"], &json!("nobody"));
    } else if model.present.is_empty() {
        prop_assert_eq!(&holder["kind"], &json!("queue"));
    } else {
        let held = model.present.iter().any(|who| json!(agent(shop, *who).id) == holder["id"]);
        prop_assert!(held, "{} holds it, and {:?} are there", holder, model.present);
    }
    Ok(())
}

async fn tell(deeds: &[Deed]) -> Result<(), TestCaseError> {
    let shop = Shop::opens().await;
    for agent in [&shop.bob, &shop.carol] {
        // Nobody is given a chat who did not take it.
        agent.changes(&shop.world, |agent| agent.status = AgentStatus::Offline).await;
    }
    let (chat, _) = shop.alice.starts_chat().await;
    let mut model = Model { active: true, ..Model::default() };
    for deed in deeds {
        let answer = act(&shop, &chat, *deed).await;
        prop_assert_eq!(error_type(&answer), model.does(*deed), "{:?}", deed);
        agree(&shop, &chat, &model).await?;
    }
    prop_assert_eq!(shop.world.events_of("chat.closed").await.len(), model.closed);
    prop_assert_eq!(shop.world.events_of("chat.reopened").await.len(), model.reopened);
    shop.world.finish().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: STORIES, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn a_chat_is_as_the_model_says(deeds in prop::collection::vec(deed(), 5..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(tell(&deeds))?;
    }
}
