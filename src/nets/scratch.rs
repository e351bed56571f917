//! Buffers that a thread keeps from one use to the next: fresh pages cost more than the work done in them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Buffers that a thread keeps.
const KEPT: usize = 8;
/// Where a buffer begins, in bytes: a vector of the processor that lies across two lines of its cache is read twice.
const LINE: usize = 64;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Scalars of unspecified value, given back to the thread on drop.
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    /// Where in the buffer a line of the cache begins.
    start: usize,
    len: usize,
}

impl Scratch {
    /// A buffer of `len` scalars: the smallest kept one that suffices, else the largest, enlarged.
    pub fn new(len: usize) -> Self {
        let needed = len + LINE / size_of::<f32>();
        let kept = BUFFERS.with_borrow_mut(|buffers| {
            let fitting = (0..buffers.len()).filter(|&i| buffers[i].len() >= needed);
            let best = fitting
                .min_by_key(|&i| buffers[i].len())
                .or_else(|| (0..buffers.len()).max_by_key(|&i| buffers[i].len()));
            best.map(|i| buffers.swap_remove(i))
        });
        let mut buffer = kept.unwrap_or_default();
        if buffer.len() < needed {
            // Not `resize`: the old values need not be copied.
            buffer = vec![0.0; needed];
        }
        let start = buffer.as_ptr().align_offset(LINE).min(needed - len);
        Self { buffer, start, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[self.start..][..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..][..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // The thread may be ending: then the buffer is simply freed.
        let _ = BUFFERS.try_with(|buffers| {
            let mut buffers = buffers.borrow_mut();
            if buffers.len() < KEPT {
                buffers.push(buffer);
            }
        });
    }
}
