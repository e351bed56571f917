//! One of several equal shares of a dataset's jobs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Share `number` of `count`, written `2/3`; numbers begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Shard {
    number: u32,
    count: u32,
}

/// A shard as a file has it.
#[derive(Deserialize)]
struct Unchecked {
    number: u32,
    count: u32,
}

/// More shards than anybody has machines.
const MOST: u32 = 100_000;

/// Why a text names no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shard is I/N with I from 1 to N, as in 1/3, 2/3 and 3/3, and N at most {MOST}")]
pub struct NoShard;

impl Shard {
    fn new(number: u32, count: u32) -> Result<Self, NoShard> {
        if count <= MOST && (1..=count).contains(&number) { Ok(Self { number, count }) } else { Err(NoShard) }
    }

    /// All shares, in order.
    pub fn all(count: u32) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count })
    }

    /// Which it is, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Of how many it is one.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether a job is in this share: every `count`th is, so that each share has its part of each split.
    pub fn has(self, job: u32) -> bool {
        job % self.count == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let (number, count) = text.split_once('/').ok_or(NoShard)?;
        let [number, count]: [u32; 2] =
            [number.parse().map_err(|_| NoShard)?, count.parse().map_err(|_| NoShard)?];
        Self::new(number, count)
    }
}

impl TryFrom<Unchecked> for Shard {
    type Error = NoShard;

    fn try_from(Unchecked { number, count }: Unchecked) -> Result<Self, NoShard> {
        Self::new(number, count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_cannot_be_is_refused_in_files_too() {
        let read = |text: &str| serde_json::from_str::<Shard>(text);
        assert_eq!(read(r#"{"number":2,"count":3}"#).unwrap(), "2/3".parse().unwrap());
        for (number, count) in [(1u32, 0u32), (0, 3), (4, 3), (1, u32::MAX)] {
            assert!(read(&format!(r#"{{"number":{number},"count":{count}}}"#)).is_err(), "{number}/{count}");
            assert_eq!(format!("{number}/{count}").parse::<Shard>(), Err(NoShard));
        }
    }

    #[test]
    fn shares_are_read_as_they_are_written_and_cover_every_job_once() {
        for count in 1..=7 {
            for shard in Shard::all(count) {
                assert_eq!(shard.to_string().parse(), Ok(shard));
            }
            for job in 0..20 {
                assert_eq!(Shard::all(count).filter(|s| s.has(job)).count(), 1);
            }
        }
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "a/b"] {
            assert_eq!(text.parse::<Shard>(), Err(NoShard), "{text}");
        }
    }
}
