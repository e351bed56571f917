//! What can be wrong with a scenario, and where.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// A mistake in a scenario file: what, where, and what to do about it.
///
/// Displays as `FILE:LINE:COLUMN: MESSAGE`; as a [`Diagnostic`] it also carries the source line
/// and the advice.
#[derive(Debug, Error, Diagnostic)]
#[error("{place}: {message}{}", help.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct ScenarioError {
    /// `FILE:LINE:COLUMN`, both counted from 1.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
    #[source_code]
    scenario: NamedSource<String>,
    #[label("here")]
    span: SourceSpan,
}

impl ScenarioError {
    /// An error at the byte range `start..end` of `text`, the contents of `file`.
    pub(super) fn new(file: &str, text: &str, range: std::ops::Range<usize>, message: String) -> Box<Self> {
        let start = range.start.min(text.len());
        let before = &text.as_bytes()[..start];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        Box::new(Self {
            place: format!("{file}:{line}:{column}"),
            message,
            help: None,
            scenario: NamedSource::new(file, text.to_owned()),
            span: (start..range.end.clamp(start, text.len())).into(),
        })
    }

    /// Adds the advice.
    pub fn with_help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }
}
