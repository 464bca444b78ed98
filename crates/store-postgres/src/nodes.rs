//! Who lives: a row for each node, by the clock of the database.

use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::future::join5;
use tidings_model::NodeId;
use tidings_store::nodes::NODES_KEPT;
use tidings_store::{CommitError, Node, Peer, ReadError};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::connect::discard;
use crate::failure::Failure;
use crate::numbers::{nanoseconds, timestamp};
use crate::row::{column, damaged, engine};

/// How long saying so may take: others miss a node after some seconds.
const BEAT_PATIENCE: Duration = Duration::from_secs(2);

/// It need not be on disk: after a crash of the database every node says so again.
const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = '2s';
    SET LOCAL lock_timeout = '2s'; SET LOCAL idle_in_transaction_session_timeout = '2s'";

const PEERS: &str = "SELECT id, name, version, started_at, clock, state,
        greatest(extract(epoch FROM clock_timestamp() - heard_at), 0)::float8,
        (clock / 1000000 - extract(epoch FROM heard_at) * 1000)::float8
    FROM nodes WHERE heard_at > clock_timestamp() - make_interval(secs => $1) ORDER BY id";

/// Says that a node lives, and who else does.
pub(crate) async fn beat(pool: &Pool, node: &Node) -> Result<Vec<Peer>, CommitError> {
    let failed = |failure: Failure| failure.for_caller();
    let client = pool.get().await.map_err(|error| failed(error.into()))?;
    match timeout(BEAT_PATIENCE, say(&client, node)).await {
        Ok(Ok(rows)) => {
            let peers: Result<Vec<Peer>, ReadError> = rows.iter().map(peer).collect();
            peers.map_err(|error| CommitError::Engine { source: error.into() })
        }
        Ok(Err(error)) => {
            discard(client);
            Err(failed(error.into()))
        }
        Err(_) => {
            discard(client);
            Err(failed(Failure::Late { seconds: BEAT_PATIENCE.as_secs() }))
        }
    }
}

async fn say(client: &Client, node: &Node) -> Result<Vec<Row>, tokio_postgres::Error> {
    let state = node.state.to_string().into_bytes();
    let kept = NODES_KEPT.as_secs_f64();
    let id = node.id.uuid();
    let (started_at, clock) = (nanoseconds(node.started_at), nanoseconds(node.clock));
    let name = node.name.replace('\0', "");
    let params = [
        (&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::UUID),
        (&name, Type::TEXT),
        (&node.version, Type::TEXT),
        (&started_at, Type::INT8),
        (&clock, Type::INT8),
        (&state, Type::BYTEA),
    ];
    let (begun, forgotten, said, peers, committed) = join5(
        client.batch_execute(BEGIN),
        client.execute_typed(
            "DELETE FROM nodes WHERE heard_at < clock_timestamp() - make_interval(secs => $1)",
            &[(&kept, Type::FLOAT8)],
        ),
        client.execute_typed(
            "INSERT INTO nodes (id, name, version, started_at, clock, state, heard_at)
             VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version,
                 started_at = excluded.started_at, clock = excluded.clock, state = excluded.state,
                 heard_at = excluded.heard_at",
            &params,
        ),
        client.query_typed(PEERS, &[(&kept, Type::FLOAT8)]),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    forgotten?;
    said?;
    let peers = peers?;
    committed?;
    Ok(peers)
}

/// All nodes, without saying anything.
pub(crate) async fn all(client: &Client) -> Result<Vec<Peer>, ReadError> {
    let kept = NODES_KEPT.as_secs_f64();
    let rows = client.query_typed(PEERS, &[(&kept, Type::FLOAT8)]).await.map_err(engine)?;
    rows.iter().map(peer).collect()
}

fn peer(row: &Row) -> Result<Peer, ReadError> {
    let id = NodeId::new(column(row, 0)?);
    let state: &[u8] = column(row, 5)?;
    let node = Node {
        id,
        name: column(row, 1)?,
        version: column(row, 2)?,
        started_at: timestamp(column(row, 3)?),
        clock: timestamp(column(row, 4)?),
        state: serde_json::from_slice(state)
            .map_err(|source| damaged(format!("nodes.state of {id}"), source.into()))?,
    };
    let age = Duration::try_from_secs_f64(column(row, 6)?).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a clock fit")]
    let clock_ahead_ms = column::<f64>(row, 7)?.round() as i64;
    Ok(Peer { node, age, clock_ahead_ms })
}

/// Says that a node goes.
pub(crate) async fn leave(pool: &Pool, node: NodeId) -> Result<(), CommitError> {
    let client = pool.get().await.map_err(|error| Failure::from(error).for_caller())?;
    let (id, sql) = (node.uuid(), "DELETE FROM nodes WHERE id = $1");
    let params = [(&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::UUID)];
    let gone = client.execute_typed(sql, &params);
    match timeout(BEAT_PATIENCE, gone).await {
        Ok(gone) => gone.map(drop).map_err(|error| Failure::from(error).for_caller()),
        Err(_) => {
            discard(client);
            Err(Failure::Late { seconds: BEAT_PATIENCE.as_secs() }.for_caller())
        }
    }
}
