//! Settings of the whole process that training is faster with; none changes a result.
#![allow(unsafe_code)]

/// Keeps freed memory, and keeps candle's own threads from spinning beside rayon's.
///
/// Call it once, first thing in `main`, while there is one thread only.
pub fn prepare_process() {
    keep_freed_memory();
    // candle runs element-wise operators on a pool of its own, whose threads wait in a loop for work: a
    // third of the processor's time in a training step. A setting of the user's stays.
    const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(CANDLE_THREADS).is_none() {
        // SAFETY: the caller promises that no other thread runs that could read the environment.
        unsafe { std::env::set_var(CANDLE_THREADS, "1") };
    }
}

/// Tells the C library to keep freed memory for the next allocation. Otherwise every activation of some
/// megabytes is given back to the system and mapped anew in the next step, which takes 6 to 14 % of a
/// training step.
/// It does nothing where the C library is not glibc.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        // From glibc's malloc.h.
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_MMAP_THRESHOLD: c_int = -3;
        // SAFETY: mallopt takes two integers by value and refuses, with a 0 that is of no interest here,
        // what it does not know; it locks the allocator while it changes it.
        unsafe {
            mallopt(M_MMAP_THRESHOLD, 1 << 30);
            mallopt(M_TRIM_THRESHOLD, c_int::MAX);
        }
    }
}
