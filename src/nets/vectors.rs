//! Loops on the widest vectors that the processor has.

use pulp::Arch;

/// Runs `f`, whose loops the compiler may then write in the widest vectors that the processor turns out to have. The
/// results are the same bits: nothing is fused or reordered.
///
/// Numbers that the loop needs belong into `f` itself (`move`): of one behind a reference the compiler cannot tell that
/// the results are not written over it, and the loop stays a number at a time.
#[inline(always)]
pub(super) fn widest<R>(f: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(f)
}
