//! Progress on stderr: a bar on a terminal, otherwise a line for each tenth.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows the progress of a task with known size.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    /// The last tenth that was printed.
    tenth: AtomicUsize,
}

impl Progress {
    pub fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
        });
        Self { bar, what, tenth: AtomicUsize::new(0) }
    }

    pub fn show_progress(&self, done: usize, total: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            return;
        }
        let tenth = (done * 10).checked_div(total).unwrap_or(10);
        if tenth > self.tenth.fetch_max(tenth, Ordering::Relaxed) {
            eprintln!("{}: {done} of {total}", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
