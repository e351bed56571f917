//! Freed memory that the process keeps.
#![allow(unsafe_code)]

/// Tells the C library to keep freed memory for the next allocation. Otherwise every activation of some
/// megabytes is given back to the system and mapped anew in the next step, which takes 6 to 14 % of a
/// training step.
///
/// Call it once at the start of `main`, before there are other threads. It does nothing where the C library
/// is not glibc, and changes no result.
pub fn keep_freed_memory() {
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
