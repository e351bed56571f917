//! One yes or no per image, short enough to keep for every cell of the table.

use serde::{Deserialize, Serialize};

/// Whether each image was called anomalous; in JSON a string of `1` and `0`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Calls(pub Vec<bool>);

impl From<Calls> for String {
    fn from(calls: Calls) -> Self {
        calls.0.iter().map(|&anomalous| if anomalous { '1' } else { '0' }).collect()
    }
}

impl TryFrom<String> for Calls {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let call = |letter| match letter {
            '1' => Ok(true),
            '0' => Ok(false),
            other => Err(format!("a call is 1 or 0, not {other}")),
        };
        text.chars().map(call).collect::<Result<_, _>>().map(Self)
    }
}
