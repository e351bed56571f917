//! The kernels, compiled for the card at hand when the first of them is wanted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;

use candle_core::cuda_backend::DeviceId;
use candle_core::{CudaDevice, Error, Result};
use cudarc::driver::{CudaFunction, CudaModule, LaunchConfig};
use cudarc::nvrtc::{Ptx, result, sys};

use super::wrap;

const SOURCE: &str = include_str!("kernels.cu");
/// Threads of a block: THREADS in the source.
pub(super) const THREADS: u32 = 256;

thread_local! {
    static MODULES: RefCell<HashMap<DeviceId, Arc<CudaModule>>> = RefCell::default();
    static FUNCTIONS: RefCell<HashMap<(DeviceId, &'static str), CudaFunction>> = RefCell::default();
}

/// Machine code for cards of compute capability `major`.`minor`. Not PTX: the driver may be older than NVRTC, and would
/// refuse it.
fn compile((major, minor): (i32, i32)) -> Result<Vec<u8>> {
    let source = CString::new(SOURCE).map_err(wrap)?;
    let program = result::create_program(&source, None).map_err(wrap)?;
    let options = [format!("--gpu-architecture=sm_{major}{minor}"), "--std=c++17".to_owned()];
    let mut code = Vec::new();
    // SAFETY: `program` is the one just made and lives until it is destroyed below; `code` is as long as NVRTC says
    // the result is.
    let outcome = unsafe {
        let compiled = result::compile_program(program, &options).map_err(|error| {
            let log = result::get_program_log(program).unwrap_or_default();
            let log: String = log.iter().map(|&c| char::from(c as u8)).collect();
            Error::Msg(format!("the kernels do not compile: {error}\n{log}")).bt()
        });
        let mut len = 0;
        let sized = compiled
            .and_then(|()| sys::nvrtcGetCUBINSize(program, &mut len).result().map_err(wrap))
            .and_then(|()| {
                code = vec![0u8; len];
                sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result().map_err(wrap)
            });
        let destroyed = result::destroy_program(program).map_err(wrap);
        sized.and(destroyed)
    };
    outcome.map(|()| code)
}

/// The kernel `name`.
pub(super) fn function(device: &CudaDevice, name: &'static str) -> Result<CudaFunction> {
    let key = (device.id(), name);
    if let Some(function) = FUNCTIONS.with_borrow(|functions| functions.get(&key).cloned()) {
        return Ok(function);
    }
    let known = MODULES.with_borrow(|modules| modules.get(&device.id()).cloned());
    let module = match known {
        Some(module) => module,
        None => {
            let stream = device.cuda_stream();
            let card = stream.context().compute_capability().map_err(wrap)?;
            let module = stream.context().load_module(Ptx::from_binary(compile(card)?)).map_err(wrap)?;
            MODULES.with_borrow_mut(|modules| modules.insert(device.id(), module.clone()));
            module
        }
    };
    let function = module.load_function(name).map_err(wrap)?;
    FUNCTIONS.with_borrow_mut(|functions| functions.insert(key, function.clone()));
    Ok(function)
}

/// A grid whose threads take one of `n` values each, or a few where there are very many.
pub(super) fn each(n: usize) -> LaunchConfig {
    const MOST_BLOCKS: usize = 1 << 16;
    let blocks = n.div_ceil(THREADS as usize).clamp(1, MOST_BLOCKS);
    LaunchConfig { grid_dim: (blocks as u32, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 }
}

/// A grid of `columns` x `rows` blocks.
pub(super) fn blocks(columns: usize, rows: usize) -> LaunchConfig {
    let grid_dim = (columns as u32, rows as u32, 1);
    LaunchConfig { grid_dim, block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 }
}

/// Launches a kernel: its name, its grid, what it reads, and after `=>` what it writes.
macro_rules! launch {
    ($device:expr, $name:literal, $grid:expr, $($read:expr),+ => $($written:expr),+) => {{
        use cudarc::driver::PushKernelArg;
        let function = super::module::function($device, $name)?;
        let stream = $device.cuda_stream();
        let mut builder = stream.launch_builder(&function);
        $(
            let argument = $read;
            builder.arg(&argument);
        )+
        $(builder.arg(&mut *$written);)+
        // SAFETY: the arguments are those of the kernel of that name in `kernels.cu`, which stays within the lengths
        // it is given.
        unsafe { builder.launch($grid) }.map_err(super::wrap)?;
    }};
}
pub(super) use launch;

#[cfg(test)]
mod tests {
    use super::*;

    /// NVRTC needs no card.
    #[test]
    fn the_kernels_compile_for_every_card_since_ampere() {
        // SAFETY: NVIDIA's library; its initialiser asks for nothing.
        if unsafe { libloading::Library::new("libnvrtc.so") }.is_err() {
            println!("skipped: no NVRTC here");
            return;
        }
        for card in [(8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)] {
            assert!(compile(card).unwrap().starts_with(b"\x7fELF"), "{card:?}");
        }
    }
}
