//! Records: `length (u32 LE) | crc32 of length and body (u32 LE) | body`.
//!
//! A body is a sequence of items: a hard state, some entries, or where the log begins.

use crate::types::{Entry, HardState, Index, Term};
use crate::wire::codec::{Reader, Wire, WireError};

const HEADER: usize = 8;

/// One thing that the log file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// Term and vote from here on.
    HardState(HardState),
    /// Entries; those already there from the first one's index on are replaced.
    Entries(Vec<Entry>),
    /// The log begins after this entry of this term.
    Base(Index, Term),
}

/// What a log file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scan {
    /// The items, each with the offset of its record.
    pub(super) items: Vec<(u64, Item)>,
    /// Where the last valid record ends.
    pub(super) valid: u64,
}

/// A record that is damaged although valid ones follow it, or that makes no sense.
#[derive(Debug, PartialEq)]
pub(super) struct BadRecord {
    pub(super) offset: u64,
    pub(super) reason: String,
}

/// These items as one record.
pub(super) fn encode(items: &[Item]) -> Vec<u8> {
    let mut body = Vec::new();
    for item in items {
        item.put(&mut body);
    }
    seal(&body)
}

/// This body as one record.
pub(super) fn seal(body: &[u8]) -> Vec<u8> {
    // One group commit is bounded by what clients may have waiting, far below 4 GiB.
    let length = (body.len() as u32).to_le_bytes();
    let mut record = Vec::with_capacity(HEADER + body.len());
    record.extend_from_slice(&length);
    record.extend_from_slice(&checksum(length, body).to_le_bytes());
    record.extend_from_slice(body);
    record
}

/// The body of the record that `bytes` begins with, if it is whole and undamaged.
pub(super) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let length = *bytes.first_chunk::<4>()?;
    let crc = *bytes.get(4..)?.first_chunk::<4>()?;
    let size = u32::from_le_bytes(length) as usize;
    let body = bytes.get(HEADER..)?.get(..size)?;
    // An empty body is never written: a run of zeros is not a record.
    let intact = size > 0 && checksum(length, body) == u32::from_le_bytes(crc);
    intact.then_some(body)
}

/// Reads records up to the first that is not valid.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan, BadRecord> {
    let mut scan = Scan::default();
    let mut rest = bytes;
    while let Some(body) = unseal(rest) {
        let offset = scan.valid;
        let mut reader = Reader::new(body);
        while reader.remaining() > 0 {
            let item = Item::take(&mut reader)
                .map_err(|e| BadRecord { offset, reason: format!("the checksum is right, but {e}") })?;
            scan.items.push((offset, item));
        }
        let size = HEADER + body.len();
        rest = &rest[size..];
        scan.valid += size as u64;
    }
    if let Some(distance) = (1..rest.len()).find(|&d| unseal(&rest[d..]).is_some()) {
        let next = scan.valid + distance as u64;
        return Err(BadRecord {
            offset: scan.valid,
            reason: format!("the record is damaged, and a valid one follows at {next}"),
        });
    }
    Ok(scan)
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(body);
    hasher.finalize()
}

impl Wire for Item {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Item::HardState(hard) => {
                out.push(1);
                hard.put(out);
            }
            Item::Entries(entries) => {
                out.push(2);
                entries.put(out);
            }
            Item::Base(index, term) => {
                out.push(3);
                index.put(out);
                term.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.byte("log item")? {
            1 => Ok(Item::HardState(Wire::take(reader)?)),
            2 => Ok(Item::Entries(Wire::take(reader)?)),
            3 => Ok(Item::Base(Wire::take(reader)?, Wire::take(reader)?)),
            tag => Err(WireError::Tag { what: "log item", tag }),
        }
    }
}
