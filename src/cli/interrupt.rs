//! Ctrl-C and SIGTERM. A run can be cut off anywhere, so that most work is simply ended; a training is told, and writes
//! a checkpoint of its last step first.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use super::say::tell;

/// The signal that came; 0 where none did. Signals belong to the process, and so does this.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Whether work is going on that looks at [`asked`] often.
static LEFT_TO_THE_WORK: AtomicBool = AtomicBool::new(false);

/// From now on the signals do what this file says. `goes_on` tells whether the command takes up later what it has finished.
pub fn listen(goes_on: bool) {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM};
        // Where signals cannot be had, they end the program without a word.
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let again = SIGNAL.swap(signal, SeqCst) != 0;
                if again || !LEFT_TO_THE_WORK.load(SeqCst) {
                    tell(match goes_on {
                        true => {
                            "\ninterrupted; what is finished is kept, and the same command, without --fresh, goes on from there"
                        }
                        false => "\ninterrupted",
                    });
                    std::process::exit(status().into());
                }
                tell(
                    "\ninterrupted; a checkpoint of this step is written first, another signal ends it at once",
                );
            }
        });
    }
}

/// `Break` where somebody wants the program to end.
pub fn asked() -> ControlFlow<()> {
    if SIGNAL.load(SeqCst) == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// Whether the work that goes on looks at [`asked`] often and ends by itself.
pub fn leave_to_the_work(yes: bool) {
    LEFT_TO_THE_WORK.store(yes, SeqCst);
}

/// The exit status of an interrupted program: 128 and the signal's number, as shells have it.
pub fn status() -> u8 {
    u8::try_from(128 + SIGNAL.load(SeqCst)).unwrap_or(130)
}
