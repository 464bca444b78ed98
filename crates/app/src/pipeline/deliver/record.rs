//! What became of deliveries, written down.
//!
//! What was taken at its first try is the most by far, and nobody will change it again: such deliveries are written many at
//! a time, as pages. What failed has a document of its own, until it is taken or given up.

use tidings_model::{Delivery, DeliveryPage, EndpointId};
use tidings_store::{DocKey, DocumentQuery, Kind, Put, ReadError, Scan, Store};
use uuid::Uuid;

use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_body;

/// How many event numbers share an entry that pages are found by.
const BUCKET: u64 = 4_096;

/// How many pages one look reads.
const PAGES: usize = 200;

/// The write of a delivery's own document, with the entries that it is found by, whatever is there: only the endpoint's
/// reader, who may run again after a crash, and who asks for it by hand write it.
pub(crate) fn put_one(delivery: &Seen<Delivery>) -> Put {
    let to = delivery.value.to.uuid();
    let status = delivery.value.status.as_str();
    let index = vec![
        ("to", to.to_string()),
        ("status", status.into()),
        ("to_status", format!("{to}:{status}")),
    ];
    Put { expected: None, ..delivery.put(DocKey::new(Kind::Delivery, delivery.value.id), index) }
}

/// The write of deliveries that were taken at their first try, in one page.
pub(super) fn put_page(id: Uuid, endpoint: EndpointId, deliveries: Vec<&Delivery>) -> Put {
    let mut buckets: Vec<u64> = deliveries.iter().map(|one| one.seq / BUCKET).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let mut index: Vec<(&'static str, String)> =
        buckets.into_iter().map(|bucket| ("to_bucket", entry(endpoint, bucket))).collect();
    index.push(("to", endpoint.to_string()));
    let body = to_body(&DeliveryPage { endpoint, deliveries });
    Put { key: DocKey::new(Kind::DeliveryPage, id), expected: None, body, index }
}

fn entry(endpoint: EndpointId, bucket: u64) -> String {
    format!("{endpoint}:{bucket}")
}

/// Finds a delivery to an endpoint that was taken at its first try. Of several (it was sent again from the log) the last.
pub(crate) async fn find_in_pages(
    store: &dyn Store,
    workspace: tidings_model::WorkspaceId,
    endpoint: EndpointId,
    seq: u64,
) -> Result<Option<Delivery>, ReadError> {
    let value = entry(endpoint, seq / BUCKET);
    let mut after = None;
    loop {
        let scan = Scan::EqualNewest { name: "to_bucket", value: value.clone() };
        let query = DocumentQuery { kind: Kind::DeliveryPage, scan, after, limit: PAGES };
        let page = store.documents(workspace, query).await?;
        for document in page.documents {
            let found = seen::<DeliveryPage>(document)?.value.deliveries;
            if let Some(found) = found.into_iter().rev().find(|one| one.seq == seq) {
                return Ok(Some(found));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(None);
        }
    }
}
