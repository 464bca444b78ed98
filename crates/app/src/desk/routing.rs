//! Which agent a chat goes to. Every answer says why, step by step, so that "why did this chat go to that agent" can be
//! answered from the log.
//!
//! [`choose`] is pure; the [`Roster`] reads what it needs. [`assign`] gives a chat to somebody, [`queue`] is where it waits,
//! [`status`] says who is there, [`come`] follows their connections, [`leave`] and
//! [`silence`] take chats away again. Decisions of one workspace are made one after another (hold
//! [`App::routing`] around reading, deciding and committing), so that two chats at once never fill one place. Where there
//! are other nodes, the commit also expects the agent's [`Turn`] to be as it was when their chats were counted: of two
//! nodes that give the same agent a chat at once, one is refused, and decides again.

pub mod assign;
pub mod come;
pub mod hours;
pub mod leave;
pub mod predict;
pub mod queue;
pub mod rules;
pub mod silence;
pub mod status;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tidings_model::{
    Agent, AgentId, AgentStatus, ChatId, Group, GroupNumber, Priority, Timestamp, WorkspaceId,
};
use tidings_store::{Batch, CountOf, DocKey, Document, Kind, Put, Version};

use self::hours::works_at;
use super::Failure;
use super::find::unreadable;
use crate::App;

/// Somebody who could take a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub id: AgentId,
    /// A program, not a person.
    pub is_bot: bool,
    /// Their turn in the team.
    pub priority: Priority,
    /// Chats that they have now.
    pub chats: u64,
    /// Chats that they have at most.
    pub chats_max: u64,
    /// What keeps them from taking one now.
    pub unavailable: Option<&'static str>,
    /// When a chat last came to them by itself.
    pub last_given: Option<Timestamp>,
    /// The turn to give them one, where other nodes may do so at the same time.
    pub turn: Option<Turn>,
}

/// The turn to give an agent a chat: whoever gives one by itself writes it as it was when the agent's chats were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    agent: AgentId,
    version: Version,
}

impl Turn {
    fn key(agent: &AgentId) -> DocKey {
        DocKey::new(Kind::Turn, agent)
    }

    /// Takes the turn with the batch that gives the chat.
    pub fn take(&self, batch: &mut Batch) {
        let (key, expected) = (Self::key(&self.agent), Some(self.version));
        batch.puts.push(Put { key, expected, body: json!({}).into(), index: Vec::new() });
    }
}

/// The turns of agents now; none where nobody else could take them.
async fn turns(
    app: &App,
    workspace: WorkspaceId,
    agents: &[Arc<Agent>],
) -> Result<HashMap<AgentId, Turn>, Failure> {
    if app.bus().is_alone() {
        return Ok(HashMap::new());
    }
    let keys: Vec<DocKey> = agents.iter().map(|agent| Turn::key(&agent.id)).collect();
    let found = app.store().documents_by_key(workspace, &keys).await.map_err(unreadable)?;
    let turn = |(agent, found): (&Arc<Agent>, Option<Document>)| {
        let version = found.map_or(Version::ABSENT, |document| document.version);
        (agent.id.clone(), Turn { agent: agent.id.clone(), version })
    };
    Ok(agents.iter().zip(found).map(turn).collect())
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The team.
    pub group: GroupNumber,
    /// Whom the customer talked to last, where that counts.
    pub prefer: Option<AgentId>,
    /// Who shall not get it: they had it, and were silent.
    pub not: BTreeSet<AgentId>,
    /// Whether it may wait when everybody is full.
    pub may_wait: bool,
}

/// Where a chat goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// To this agent.
    Agent(AgentId),
    /// It waits: all who are there are full.
    Queue,
    /// Nobody of the team is there.
    Nobody,
}

/// Where a chat goes, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Where.
    pub choice: Choice,
    /// Why, step by step, for people.
    pub why: Vec<String>,
    /// What is to be taken with the commit: see [`Turn`].
    pub turn: Option<Turn>,
}

/// Chooses. By turn in the team (first, normal, last; a supervisor gets none by itself), then who has the fewest chats,
/// then who waited longest for one. Whom the customer knows comes first if they can take it.
pub fn choose(candidates: &[Candidate], wanted: &Wanted) -> Decision {
    let mut why = vec![format!("team {}", wanted.group)];
    let mut free: Vec<&Candidate> = Vec::new();
    let mut present = 0;
    for candidate in candidates {
        let kept_out = if wanted.not.contains(&candidate.id) {
            Some("had it before")
        } else if candidate.priority == Priority::Supervisor {
            Some("is a supervisor")
        } else {
            candidate.unavailable
        };
        if let Some(reason) = kept_out {
            why.push(format!("{}: {reason}", candidate.id));
            continue;
        }
        present += 1;
        if candidate.chats >= candidate.chats_max {
            why.push(format!(
                "{}: has {} of {} chats",
                candidate.id, candidate.chats, candidate.chats_max
            ));
            continue;
        }
        free.push(candidate);
    }
    if let Some(known) =
        wanted.prefer.as_ref().and_then(|known| free.iter().find(|one| one.id == *known))
    {
        why.push(format!("{}: the customer talked to them last", known.id));
        return Decision { choice: Choice::Agent(known.id.clone()), why, turn: known.turn.clone() };
    }
    free.sort_by(|one, other| {
        let turn = |one: &Candidate| (one.priority, one.chats, one.last_given, one.id.clone());
        turn(one).cmp(&turn(other))
    });
    if let Some(best) = free.first() {
        why.push(format!(
            "{}: turn {}, {} of {} chats{}",
            best.id,
            word(best.priority),
            best.chats,
            best.chats_max,
            if free.len() > 1 {
                format!(", before {} others", free.len() - 1)
            } else {
                String::new()
            }
        ));
        return Decision { choice: Choice::Agent(best.id.clone()), why, turn: best.turn.clone() };
    }
    let choice = match (present, wanted.may_wait) {
        (0, _) => {
            why.push("nobody of the team takes chats now".into());
            Choice::Nobody
        }
        (_, true) => {
            why.push("everybody is full: it waits".into());
            Choice::Queue
        }
        (_, false) => {
            why.push("everybody is full, and it may not wait".into());
            Choice::Nobody
        }
    };
    Decision { choice, why, turn: None }
}

const fn word(priority: Priority) -> &'static str {
    match priority {
        Priority::First => "first",
        Priority::Normal => "normal",
        Priority::Last => "last",
        Priority::Supervisor => "supervisor",
    }
}

/// Who could take a chat of a team now. Hold [`App::routing`] until the decision is committed.
pub async fn situation(
    app: &App,
    workspace: WorkspaceId,
    group: GroupNumber,
) -> Result<Vec<Candidate>, Failure> {
    Ok(Roster::read(app, workspace).await?.of(group))
}

/// All agents with their load, as they are now: read once, asked for several teams.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    candidates: Vec<(Arc<Agent>, Candidate)>,
    teams: Vec<Arc<Group>>,
}

impl Roster {
    /// Reads it.
    pub async fn read(app: &App, workspace: WorkspaceId) -> Result<Self, Failure> {
        let Some(directory) = app.directory(workspace) else { return Ok(Self::default()) };
        let now = app.now();
        let routing = app.routing(workspace);
        let mut candidates = Vec::new();
        let agents = directory.agents();
        // Before the chats are counted: a turn that is taken since is one of a chat that may be missed.
        let mut turns = turns(app, workspace, &agents).await?;
        for agent in agents {
            let unavailable = unavailable(&agent, now);
            // Of who takes none, nobody asks how many they have.
            let chats = match unavailable {
                Some(_) => 0,
                None => {
                    let value = agent.id.to_string();
                    let of = CountOf::Equal { name: "assignee", value };
                    app.store().count(workspace, Kind::Chat, of).await.map_err(unreadable)?
                }
            };
            let candidate = Candidate {
                id: agent.id.clone(),
                is_bot: agent.bot.is_some(),
                priority: Priority::default(),
                chats,
                chats_max: u64::from(agent.chats_max),
                unavailable,
                last_given: routing.last_given(&agent.id),
                turn: turns.remove(&agent.id),
            };
            candidates.push((agent, candidate));
        }
        Ok(Self { candidates, teams: directory.groups() })
    }

    /// Who could take a chat of a team.
    pub fn of(&self, group: GroupNumber) -> Vec<Candidate> {
        let team = self.teams.iter().find(|team| team.number == group);
        let listed = |agent: &Agent| team?.priorities.get(&agent.id).copied();
        let belongs = |agent: &Agent| {
            group == GroupNumber::EVERYONE
                || listed(agent).is_some()
                || team.is_some_and(|team| agent.groups.contains(&team.key))
        };
        let of_team = self.candidates.iter().filter(|(agent, _)| belongs(agent));
        of_team
            .map(|(agent, candidate)| Candidate {
                priority: listed(agent).unwrap_or_default(),
                ..candidate.clone()
            })
            .collect()
    }
}

/// The turn-taking of a workspace's routing.
#[derive(Debug, Default)]
pub struct Routing {
    turn: tokio::sync::Mutex<()>,
    /// When a chat last came to each agent by itself. Only for fairness: after a start all begin alike.
    given: Mutex<HashMap<AgentId, Timestamp>>,
    /// How long the last chats waited, in seconds.
    waits: Mutex<VecDeque<u64>>,
    /// The places that were told last.
    places: Mutex<BTreeMap<ChatId, u64>>,
    /// How the teams stood when it was last told: to agents, and to customers.
    statuses: Mutex<BTreeMap<GroupNumber, (&'static str, &'static str)>>,
}

/// Of how many chats the waiting is remembered for the estimate.
const WAITS_KEPT: usize = 50;

impl Routing {
    /// Notes how long a chat waited.
    pub fn waited(&self, seconds: u64) {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if waits.len() >= WAITS_KEPT {
            waits.pop_front();
        }
        waits.push_back(seconds);
    }

    /// How long somebody waited lately, on the average.
    pub fn seconds_per_place(&self) -> Option<u64> {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u64::try_from(waits.len()).ok().filter(|count| *count > 0)?;
        Some((waits.iter().sum::<u64>() / count).max(1))
    }

    fn replace_places(&self, now: BTreeMap<ChatId, u64>) -> BTreeMap<ChatId, u64> {
        std::mem::replace(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    fn replace_statuses(
        &self,
        now: BTreeMap<GroupNumber, (&'static str, &'static str)>,
    ) -> BTreeMap<GroupNumber, (&'static str, &'static str)> {
        std::mem::replace(&mut self.statuses.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Waits for the turn; hold it around reading the situation, deciding and committing.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Notes that a chat went to an agent by itself.
    pub fn gave(&self, agent: &AgentId, now: Timestamp) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(agent.clone(), now);
    }

    fn last_given(&self, agent: &AgentId) -> Option<Timestamp> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).get(agent).copied()
    }
}

/// What keeps an agent from taking a chat now.
fn unavailable(agent: &Agent, now: Timestamp) -> Option<&'static str> {
    if agent.suspended {
        return Some("is suspended");
    }
    if agent.awaiting_approval {
        return Some("awaits approval");
    }
    match agent.status {
        AgentStatus::Accepting => {}
        AgentStatus::Away => return Some("takes no chats now"),
        AgentStatus::Offline => return Some("is not there"),
    }
    let works = agent.work_schedule.as_ref().is_none_or(|schedule| works_at(schedule, now));
    (!works).then_some("does not work at this hour")
}

/// How a team stands, to agents: `accepting_chats`, `not_accepting_chats` or `offline`.
pub fn status_for_agents(candidates: &[Candidate]) -> &'static str {
    let takes = |candidate: &Candidate| {
        candidate.unavailable.is_none() && candidate.priority != Priority::Supervisor
    };
    if candidates.iter().any(takes) {
        return "accepting_chats";
    }
    let is_away = |candidate: &Candidate| candidate.unavailable == Some("takes no chats now");
    if candidates.iter().any(is_away) { "not_accepting_chats" } else { "offline" }
}

/// How a team stands, to customers: `online`, `online_for_queue` or `offline`.
pub fn status_for_customers(candidates: &[Candidate]) -> &'static str {
    let takes = |candidate: &&Candidate| {
        candidate.unavailable.is_none() && candidate.priority != Priority::Supervisor
    };
    let mut takers = candidates.iter().filter(takes).peekable();
    if takers.peek().is_none() {
        return "offline";
    }
    let has_room = |candidate: &Candidate| candidate.chats < candidate.chats_max;
    if takers.any(has_room) { "online" } else { "online_for_queue" }
}

/// A place in the queue, as it stands in answers and pushes.
pub fn place(position: u64, wait_s: u64, queued_at: Timestamp) -> Value {
    json!({
        "position": position, "wait_time": wait_s,
        "queued_at": tidings_wire::livechat::show::time(queued_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, priority: Priority, chats: u64) -> Candidate {
        Candidate {
            id: id.parse().expect("a name"),
            is_bot: false,
            priority,
            chats,
            chats_max: 3,
            unavailable: None,
            last_given: None,
            turn: None,
        }
    }

    fn chosen(candidates: &[Candidate], wanted: &Wanted) -> String {
        match choose(candidates, wanted).choice {
            Choice::Agent(id) => id.to_string(),
            Choice::Queue => "queue".into(),
            Choice::Nobody => "nobody".into(),
        }
    }

    #[test]
    fn by_turn_then_load_then_who_waited_longest() {
        let wanted = Wanted { may_wait: true, ..Wanted::default() };
        let alice = candidate("alice", Priority::Normal, 0);
        let bob = candidate("bob", Priority::First, 2);
        let carol = candidate("carol", Priority::Supervisor, 0);
        let team = [alice.clone(), bob.clone(), carol.clone()];
        assert_eq!(chosen(&team, &wanted), "bob");
        assert_eq!(
            chosen(&[alice.clone(), Candidate { chats: 3, ..bob.clone() }], &wanted),
            "alice"
        );
        assert_eq!(chosen(&[carol], &wanted), "nobody");
        let full = [Candidate { chats: 3, ..alice.clone() }, Candidate { chats: 3, ..bob }];
        assert_eq!(chosen(&full, &wanted), "queue");
        assert_eq!(chosen(&full, &Wanted::default()), "nobody");
        let lately = Candidate {
            last_given: Some(Timestamp::from_second(5).expect("a time")),
            ..candidate("aaron", Priority::Normal, 0)
        };
        assert_eq!(chosen(&[lately, alice], &wanted), "alice");
    }

    #[test]
    fn whom_the_customer_knows_comes_first() {
        let team = [candidate("alice", Priority::First, 0), candidate("bob", Priority::Last, 2)];
        let wanted = Wanted { prefer: Some("bob".parse().expect("a name")), ..Wanted::default() };
        let decision = choose(&team, &wanted);
        assert_eq!(decision.choice, Choice::Agent("bob".parse().expect("a name")));
        assert!(decision.why.iter().any(|step| step.contains("talked to them last")));
    }

    #[test]
    fn who_had_it_does_not_get_it_again() {
        let team = [candidate("alice", Priority::First, 0)];
        let not = BTreeSet::from(["alice".parse().expect("a name")]);
        assert_eq!(chosen(&team, &Wanted { not, may_wait: true, ..Wanted::default() }), "nobody");
    }

    #[test]
    fn a_team_is_online_while_somebody_takes_chats() {
        let free = candidate("alice", Priority::Normal, 0);
        let full = Candidate { chats: 3, ..free.clone() };
        let away = Candidate { unavailable: Some("takes no chats now"), ..free.clone() };
        assert_eq!(status_for_customers(std::slice::from_ref(&free)), "online");
        assert_eq!(status_for_customers(std::slice::from_ref(&full)), "online_for_queue");
        assert_eq!(status_for_customers(std::slice::from_ref(&away)), "offline");
        assert_eq!(status_for_agents(&[full]), "accepting_chats");
        assert_eq!(status_for_agents(&[away]), "not_accepting_chats");
        assert_eq!(status_for_agents(&[]), "offline");
    }
}
