//! Progress on the terminal: a bar with rate and time left, or plain lines where there is no terminal.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::interrupt;
use super::say::tell;
use crate::detectors::Progress;

/// Seconds between two lines where the output is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows one stage after the other.
#[derive(Default)]
pub struct Terminal {
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    name: String,
    bar: ProgressBar,
    started: Instant,
    started_at: usize,
    told: Instant,
}

impl Stage {
    fn new(name: &str, done: usize, total: usize) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(total as u64)
        } else {
            ProgressBar::hidden()
        };
        let style =
            ProgressStyle::with_template("{prefix:>12} {bar:30} {pos}/{len}  {per_sec}  {eta} left  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.reset_eta();
        let now = Instant::now();
        Self { name: name.to_owned(), bar, started: now, started_at: done, told: now }
    }

    /// A line for a log file: what, how far, how fast, how long still.
    fn line(&self, done: usize, total: usize, message: &str) -> String {
        let secs = self.started.elapsed().as_secs_f64();
        let rate = (done - self.started_at.min(done)) as f64 / secs.max(1e-9);
        let left = (total - done.min(total)) as f64 / rate.max(1e-9);
        format!("{:>12} {done}/{total}  {rate:.1}/s  {left:.0} s left  {message}", self.name)
    }
}

impl Progress for Terminal {
    fn step(&self, stage: &str, done: usize, total: usize, losses: &[(&str, f64)]) -> ControlFlow<()> {
        self.show(stage, done, total, losses);
        interrupt::asked()
    }

    fn remark(&self, words: &str) {
        tell(words);
    }

    fn stoppable(&self, begins: bool) -> ControlFlow<()> {
        interrupt::leave_to_the_work(begins);
        interrupt::asked()
    }
}

impl Terminal {
    fn show(&self, stage: &str, done: usize, total: usize, losses: &[(&str, f64)]) {
        let message: Vec<String> = losses.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let message = message.join("  ");
        // A poisoned lock means that another thread panicked: that panic is the news, not this bar.
        let Ok(mut current) = self.stage.lock() else { return };
        let begins = |s: &Stage| s.name != stage || (s.bar.is_finished() && done < total);
        if current.as_ref().is_none_or(begins) {
            *current = Some(Stage::new(stage, done.saturating_sub(1), total));
        }
        // The last step may be told more than once.
        let Some(shown) = current.as_mut().filter(|s| !s.bar.is_finished()) else { return };
        shown.bar.set_message(message.clone());
        // An estimate becomes exact on the way.
        shown.bar.set_length(total as u64);
        shown.bar.set_position(done as u64);
        let finished = done >= total;
        if shown.bar.is_hidden() && (finished || shown.told.elapsed() >= LINE_EVERY) {
            tell(shown.line(done, total, &message));
            shown.told = Instant::now();
        }
        if finished {
            shown.bar.finish();
        }
    }
}
