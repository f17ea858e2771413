//! Drawers: entries of the same kind for many jobs, in order of creation, in records of about a
//! page. Reading all of them costs a hundredth of reading as many rows of a table, and the entries
//! of jobs that were made together change together.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeBounds};

use ::redb::{ReadOnlyTable, ReadableTable, Table};

use crate::store::codec::{self, BadRecord, Kind};
use crate::store::error::StoreError;
use crate::store::redb::error::Failure;

/// Where the entry of a job stands: when it was created, and its id.
pub(super) type Place = (i64, u128);

/// The key of a drawer: no entry of it stands before this place, and none of the drawer before it
/// at or after it. The first drawer begins before everything.
const FIRST: Place = (i64::MIN, 0);

/// Bytes of entries in a drawer: with its key and header it fills a page of the file, 4 KiB.
const BYTES_MAX: usize = 3_900;
/// Drawers that a removal left smaller than this are put into the one before them.
const BYTES_MIN: usize = BYTES_MAX / 4;

/// Bytes of an entry before its content: its length, its place.
const HEAD_BYTES: usize = 26;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub place: Place,
    pub content: &'a [u8],
}

/// The entries of a drawer, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Of this body.
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.rest.split_first_chunk::<HEAD_BYTES>().and_then(|(head, rest)| {
            let [l0, l1, place @ ..] = head;
            let (created, id) = place.split_first_chunk::<8>()?;
            let place = (i64::from_le_bytes(*created), u128::from_le_bytes(*id.first_chunk()?));
            let length = usize::from(u16::from_le_bytes([*l0, *l1]));
            let (content, rest) = rest.split_at_checked(length.checked_sub(HEAD_BYTES)?)?;
            self.rest = rest;
            Some(Entry { place, content })
        });
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or_else(|| BadRecord::damaged("an entry of it is cut")))
    }
}

/// The bytes of an entry.
fn entry_bytes(place: Place, content: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let length = HEAD_BYTES + content.len();
    let short = u16::try_from(length).map_err(|_| BadRecord::damaged("an entry is too long"))?;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&short.to_le_bytes());
    bytes.extend_from_slice(&place.0.to_le_bytes());
    bytes.extend_from_slice(&place.1.to_le_bytes());
    bytes.extend_from_slice(content);
    Ok(bytes)
}

/// The body of the drawer in a record.
pub(super) fn body(kind: Kind, first: Place, record: &[u8]) -> Result<&[u8], StoreError> {
    codec::open(kind, record).map(|(_, body)| body).map_err(|bad| at(kind, first, bad))
}

/// A complaint about the drawer that begins here.
pub(super) fn at(kind: Kind, first: Place, bad: BadRecord) -> StoreError {
    bad.at(kind, format!("{} {:032x}", first.0, first.1))
}

/// Are the entries of a body whole, in order, and between these places?
pub(super) fn check(body: &[u8], first: Place, until: Option<Place>) -> Result<u64, BadRecord> {
    let (mut count, mut before) = (0, None);
    for entry in Entries::of(body) {
        let place = entry?.place;
        let is_here = place >= first && until.is_none_or(|until| place < until);
        if !is_here || before.is_some_and(|before| before >= place) {
            let reason = format!("the entry of {} {:032x} is out of place", place.0, place.1);
            return Err(BadRecord::Damaged(reason));
        }
        before = Some(place);
        count += 1;
    }
    Ok(count)
}

/// The bytes that the entry of a place takes in a body; none of them where it would go.
fn span(body: &[u8], place: Place) -> Result<std::ops::Range<usize>, BadRecord> {
    let mut start = 0;
    for entry in Entries::of(body) {
        let entry = entry?;
        let end = start + HEAD_BYTES + entry.content.len();
        if entry.place >= place {
            return Ok(start..if entry.place == place { end } else { start });
        }
        start = end;
    }
    Ok(start..start)
}

/// A drawer in hand.
#[derive(Debug)]
struct Drawer {
    until: Option<Place>,
    body: Vec<u8>,
    changed: bool,
}

/// The drawers of a table that a transaction has in hand. Each is read once and written once,
/// however many of its entries change.
#[derive(Debug)]
pub(super) struct Drawers {
    kind: Kind,
    open: BTreeMap<Place, Drawer>,
    /// Keys of drawers that were put into others.
    gone: Vec<Place>,
}

type Held = &'static [u8];

impl Drawers {
    /// None in hand yet.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, open: BTreeMap::new(), gone: Vec::new() }
    }

    /// How many are in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.open.len()
    }

    /// Takes the drawer of this place in hand, so that `put` and `remove` there meet no damage.
    pub(super) fn take(
        &mut self,
        table: &impl ReadableTable<Place, Held>,
        place: Place,
    ) -> Result<(), Failure> {
        self.drawer(table, place).map(|_| ())
    }

    fn drawer(
        &mut self,
        table: &impl ReadableTable<Place, Held>,
        place: Place,
    ) -> Result<Place, Failure> {
        let near = self.open.range(..=place).next_back();
        if let Some((first, drawer)) = near
            && drawer.until.is_none_or(|until| place < until)
        {
            return Ok(*first);
        }
        let held = table.range(..=place)?.next_back().transpose()?;
        let after = (Bound::Excluded(place), Bound::Unbounded);
        let until = table.range::<Place>(after)?.next().transpose()?.map(|(key, _)| key.value());
        let (first, body) = match held {
            Some((key, record)) => {
                let first = key.value();
                (first, body(self.kind, first, record.value())?.to_vec())
            }
            None => (FIRST, Vec::new()),
        };
        check(&body, first, until).map_err(|bad| at(self.kind, first, bad))?;
        self.open.insert(first, Drawer { until, body, changed: false });
        Ok(first)
    }

    /// Puts an entry in, in place of one that stands there.
    pub(super) fn put(
        &mut self,
        table: &impl ReadableTable<Place, Held>,
        place: Place,
        content: &[u8],
    ) -> Result<(), Failure> {
        let first = self.drawer(table, place)?;
        let bad = |bad| at(self.kind, first, bad);
        let entry = entry_bytes(place, content).map_err(bad)?;
        let Some(drawer) = self.open.get_mut(&first) else { return Ok(()) };
        let span = span(&drawer.body, place).map_err(bad)?;
        if drawer.body.get(span.clone()) == Some(entry.as_slice()) {
            return Ok(());
        }
        let start = span.start;
        drawer.body.splice(span, entry);
        drawer.changed = true;
        if drawer.body.len() > BYTES_MAX {
            self.split(first, start).map_err(|bad| at(self.kind, first, bad))?;
        }
        Ok(())
    }

    /// Cuts a drawer that is too full in two: in the middle, or near its end where the entry went
    /// that made it so. Entries come in order of creation, so that drawers are left full. Entries
    /// that are large themselves are cut apart until each has room.
    fn split(&mut self, first: Place, grown: usize) -> Result<(), BadRecord> {
        let Some(drawer) = self.open.get_mut(&first) else { return Ok(()) };
        let middle = drawer.body.len() / 2;
        let wanted = if grown > drawer.body.len() / 4 * 3 { grown } else { middle };
        let (mut start, mut cut) = (0, None);
        for entry in Entries::of(&drawer.body) {
            let entry = entry?;
            if start > 0 {
                cut = Some((start, entry.place));
            }
            if start > 0 && start >= wanted {
                break;
            }
            start += HEAD_BYTES + entry.content.len();
        }
        let Some((start, place)) = cut else { return Ok(()) };
        let body = drawer.body.split_off(start);
        let (left, right) = (drawer.body.len(), body.len());
        let until = drawer.until.replace(place);
        self.open.insert(place, Drawer { until, body, changed: true });
        for (first, bytes) in [(first, left), (place, right)] {
            if bytes > BYTES_MAX {
                self.split(first, 0)?;
            }
        }
        Ok(())
    }

    /// Takes an entry out. Says whether it was there.
    pub(super) fn remove(
        &mut self,
        table: &impl ReadableTable<Place, Held>,
        place: Place,
    ) -> Result<bool, Failure> {
        let first = self.drawer(table, place)?;
        let Some(drawer) = self.open.get_mut(&first) else { return Ok(false) };
        let span = span(&drawer.body, place).map_err(|bad| at(self.kind, first, bad))?;
        if span.is_empty() {
            return Ok(false);
        }
        drawer.body.drain(span);
        drawer.changed = true;
        if drawer.body.len() < BYTES_MIN && first != FIRST {
            self.join(table, first)?;
        }
        Ok(true)
    }

    /// Puts what is left of a drawer into the one before it, if it has room.
    fn join(
        &mut self,
        table: &impl ReadableTable<Place, Held>,
        first: Place,
    ) -> Result<(), Failure> {
        let last_before = match first {
            (created, 0) => (created.saturating_sub(1), u128::MAX),
            (created, id) => (created, id - 1),
        };
        let before = match self.drawer(table, last_before) {
            Ok(before) => before,
            // A drawer that cannot be read is not made better by what is beside it.
            Err(Failure::Store(_)) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let left = self.open.get(&first).map_or(0, |drawer| drawer.body.len());
        let has_room = |drawer: &Drawer| drawer.body.len() + left <= BYTES_MAX;
        if !self.open.get(&before).is_some_and(has_room) {
            return Ok(());
        }
        let Some(emptied) = self.open.remove(&first) else { return Ok(()) };
        if let Some(drawer) = self.open.get_mut(&before) {
            drawer.body.extend_from_slice(&emptied.body);
            (drawer.until, drawer.changed) = (emptied.until, true);
            self.gone.push(first);
        }
        Ok(())
    }

    /// Writes what changed; nothing is in hand after it.
    pub(super) fn write(&mut self, table: &mut Table<'_, Place, Held>) -> Result<(), Failure> {
        for first in std::mem::take(&mut self.gone) {
            table.remove(first)?;
        }
        for (first, drawer) in std::mem::take(&mut self.open) {
            if drawer.changed && drawer.body.is_empty() {
                table.remove(first)?;
            } else if drawer.changed {
                let record = codec::seal(self.kind, &drawer.body);
                let record = record.map_err(|bad| at(self.kind, first, bad))?;
                table.insert(first, record.as_slice())?;
            }
        }
        Ok(())
    }
}

/// A part of a table of drawers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// No entry before it.
    pub from: Bound<Place>,
    /// None after it.
    pub to: Bound<Place>,
    /// The last entry first.
    pub backwards: bool,
}

impl Stretch {
    /// Is there nothing in it? redb takes no range that ends before it begins.
    pub(super) fn is_empty(self) -> bool {
        match (self.from, self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
            | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
            _ => false,
        }
    }

    fn holds(self, place: Place) -> bool {
        (self.from, self.to).contains(&place)
    }
}

/// Whether a walk goes on.
pub(super) type Step = Result<ControlFlow<()>, Failure>;

/// Shows every drawer that has something to do with a stretch: its key and its body.
pub(super) fn each_drawer(
    table: &ReadOnlyTable<Place, Held>,
    kind: Kind,
    stretch: Stretch,
    visit: &mut dyn FnMut(Place, &[u8]) -> Step,
) -> Result<(), Failure> {
    if stretch.is_empty() {
        return Ok(());
    }
    // The drawer in which a stretch begins may have begun before it.
    let from = match stretch.from {
        Bound::Included(from) | Bound::Excluded(from) => {
            let begun = table.range(..=from)?.next_back().transpose()?;
            begun.map_or(Bound::Unbounded, |(key, _)| Bound::Included(key.value()))
        }
        Bound::Unbounded => Bound::Unbounded,
    };
    let mut drawers = table.range::<Place>((from, stretch.to))?;
    loop {
        let next = if stretch.backwards { drawers.next_back() } else { drawers.next() };
        let Some((key, record)) = next.transpose()? else { return Ok(()) };
        let first = key.value();
        if visit(first, body(kind, first, record.value())?)?.is_break() {
            return Ok(());
        }
    }
}

/// Shows every entry of a stretch, in its direction.
pub(super) fn each_entry(
    table: &ReadOnlyTable<Place, Held>,
    kind: Kind,
    stretch: Stretch,
    visit: &mut dyn FnMut(Entry<'_>) -> Step,
) -> Result<(), Failure> {
    each_drawer(table, kind, stretch, &mut |first, body| {
        let bad = |bad| at(kind, first, bad);
        if !stretch.backwards {
            for entry in Entries::of(body) {
                let entry = entry.map_err(bad)?;
                if stretch.holds(entry.place) && visit(entry)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let entries = Entries::of(body).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        for entry in entries.into_iter().rev() {
            if stretch.holds(entry.place) && visit(entry)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// The content of the entry of a place.
pub(super) fn content(
    table: &ReadOnlyTable<Place, Held>,
    kind: Kind,
    place: Place,
) -> Result<Option<Vec<u8>>, Failure> {
    let here = Bound::Included(place);
    let (mut found, stretch) = (None, Stretch { from: here, to: here, backwards: false });
    each_entry(table, kind, stretch, &mut |entry| {
        found = Some(entry.content.to_vec());
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
