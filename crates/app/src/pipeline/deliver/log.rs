//! The log of deliveries, as it is read: what has a document of its own, and what is in pages, as one list.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use tidings_model::{
    ChannelId, Delivery, DeliveryId, DeliveryPage, DeliveryStatus, Destination, EndpointId,
    WorkspaceId,
};
use tidings_store::{DocKey, DocumentQuery, Kind, ReadError, Scan};

use super::record::find_in_pages;
use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// How many pages one look reads.
const PAGES: usize = 50;

/// Which deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryQuery {
    /// Only those to this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those by way of this channel.
    pub channel: Option<ChannelId>,
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Only those after this place.
    pub after: Option<LogPlace>,
    /// At most so many.
    pub limit: usize,
}

/// Where a page of the log ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// The last delivery with a document of its own that was given.
    one: Option<String>,
    /// The last page of which something was given, and how much of it.
    page: Option<(String, usize)>,
}

/// A text that is no place of the log.
#[derive(Debug, thiserror::Error)]
#[error("this is not the `next` of a page before")]
pub struct NoPlace;

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.one.as_deref().unwrap_or_default())?;
        if let Some((page, given)) = &self.page {
            write!(f, ".{page}.{given}")?;
        }
        Ok(())
    }
}

impl FromStr for LogPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.split('.');
        let one = parts.next().filter(|one| !one.is_empty()).map(str::to_owned);
        let page = match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => None,
            (Some(page), Some(given), None) => {
                Some((page.to_owned(), given.parse().map_err(|_| NoPlace)?))
            }
            _ => return Err(NoPlace),
        };
        Ok(Self { one, page })
    }
}

/// A page of the log, newest first, and where the next one begins.
pub async fn list(
    app: &App,
    workspace: WorkspaceId,
    query: &DeliveryQuery,
) -> Result<(Vec<Delivery>, Option<LogPlace>), ReadError> {
    let mut place = query.after.clone().unwrap_or_default();
    let mut ones = ones(app, workspace, query, &place).await?;
    let mut paged = match (query.channel, query.status) {
        (None, None | Some(DeliveryStatus::Delivered)) => {
            paged(app, workspace, query, &place).await?
        }
        _ => VecDeque::new(),
    };
    let mut given: Vec<Delivery> = Vec::with_capacity(query.limit);
    while given.len() < query.limit {
        let next = match (ones.front(), paged.front()) {
            (None, None) => return Ok((given, None)),
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (Some(one), Some(line)) => one.id.cmp(&line.delivery.id),
        };
        let delivery = if next == Ordering::Less {
            let Some(line) = paged.pop_front() else { continue };
            place.page = Some((line.page, line.given));
            line.delivery
        } else {
            let Some(one) = ones.pop_front() else { continue };
            place.one = Some(one.id.to_string());
            one
        };
        // One that was taken at once and asked for again by hand is in both: its own document says more, and comes first.
        if given.last().is_none_or(|last| last.id != delivery.id) {
            given.push(delivery);
        }
    }
    Ok((given, Some(place)))
}

/// Those with a document of their own.
async fn ones(
    app: &App,
    workspace: WorkspaceId,
    query: &DeliveryQuery,
    place: &LogPlace,
) -> Result<VecDeque<Delivery>, ReadError> {
    let to = query.endpoint.map(EndpointId::uuid).or(query.channel.map(ChannelId::uuid));
    let status = query.status.map(DeliveryStatus::as_str);
    let scan = match (to, status) {
        (Some(to), Some(status)) => {
            Scan::EqualNewest { name: "to_status", value: format!("{to}:{status}") }
        }
        (Some(to), None) => Scan::EqualNewest { name: "to", value: to.to_string() },
        (None, Some(status)) => Scan::EqualNewest { name: "status", value: status.into() },
        (None, None) => Scan::Newest,
    };
    let (kind, after) = (Kind::Delivery, place.one.clone());
    let query = DocumentQuery { kind, scan, after, limit: query.limit };
    let page = app.store.documents(workspace, query).await?;
    page.documents.into_iter().map(|found| Ok(seen::<Delivery>(found)?.value)).collect()
}

/// A delivery of a page.
struct Line {
    delivery: Delivery,
    page: String,
    /// How much of the page is given with it.
    given: usize,
}

/// Those that are in pages.
async fn paged(
    app: &App,
    workspace: WorkspaceId,
    query: &DeliveryQuery,
    place: &LogPlace,
) -> Result<VecDeque<Line>, ReadError> {
    let mut lines = VecDeque::new();
    let mut after = None;
    if let Some((page, given)) = &place.page {
        let key = DocKey::new(Kind::DeliveryPage, page);
        if let Some(found) = app.store.document(workspace, &key).await? {
            lines.extend(lines_of(page, seen::<DeliveryPage>(found)?.value).skip(*given));
        }
        after = Some(page.clone());
    }
    while lines.len() < query.limit {
        let scan = match query.endpoint {
            Some(endpoint) => Scan::EqualNewest { name: "to", value: endpoint.to_string() },
            None => Scan::Newest,
        };
        let pages = DocumentQuery { kind: Kind::DeliveryPage, scan, after, limit: PAGES };
        let pages = app.store.documents(workspace, pages).await?;
        for found in pages.documents {
            let id = found.key.id.clone();
            lines.extend(lines_of(&id, seen::<DeliveryPage>(found)?.value));
        }
        after = pages.next;
        if after.is_none() {
            break;
        }
    }
    Ok(lines)
}

fn lines_of(id: &str, page: DeliveryPage) -> impl Iterator<Item = Line> {
    let mut deliveries = page.deliveries;
    deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
    let line = |(place, delivery)| Line { delivery, page: id.to_owned(), given: place + 1 };
    deliveries.into_iter().enumerate().map(line).collect::<Vec<_>>().into_iter()
}

/// Finds one delivery.
pub async fn find(
    app: &App,
    workspace: WorkspaceId,
    id: DeliveryId,
) -> Result<Option<Seen<Delivery>>, ReadError> {
    let key = DocKey::new(Kind::Delivery, id);
    if let Some(found) = app.store.document(workspace, &key).await? {
        return seen(found).map(Some);
    }
    let Some(directory) = app.directory(workspace) else { return Ok(None) };
    let seq = id.seq();
    for subscriber in directory.subscribers() {
        let endpoint = subscriber.endpoint.value.id;
        if DeliveryId::of(seq, Destination::Endpoint { id: endpoint }) == id
            && let Some(found) =
                find_in_pages(app.store.as_ref(), workspace, endpoint, seq.0).await?
        {
            return Ok(Some(Seen::absent(found)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        let page = Some(("b".to_owned(), 3));
        for place in [
            LogPlace::default(),
            LogPlace { one: Some("a".into()), page: None },
            LogPlace { one: None, page: page.clone() },
            LogPlace { one: Some("a".into()), page },
        ] {
            assert_eq!(place.to_string().parse::<LogPlace>().expect("a place"), place);
        }
        for wrong in ["a.b", "a.b.c", "a.b.1.2"] {
            assert!(wrong.parse::<LogPlace>().is_err(), "{wrong}");
        }
    }
}
