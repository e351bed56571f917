//! The three passes of a convolution through cuDNN.

use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape};
use cudarc::cudnn::{ConvBackwardData, ConvBackwardFilter, ConvForward};
use cudarc::driver::{CudaSlice, CudaView};

use super::plan::{Algorithm, plan};
use super::{device_of, repeated, result, uninitialised, view, wrap};
use crate::nets::conv::{Geometry, Pass};
use crate::nets::repeated::Repeated;

type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// One pass. `a` and `b` are image and weight, features and weight, image and features.
pub fn run(pass: Pass, g: &Geometry, a: Operand<'_>, b: Operand<'_>) -> Result<(CudaStorage, Shape)> {
    let device = device_of(a.0);
    let out = launch(device, pass, g, view(a.0, a.1)?, view(b.0, b.1)?)?;
    result(out, device, g.result_dims(pass).to_vec())
}

/// One pass, then a bias per channel and a leaky ReLU.
pub fn run_layer(
    pass: Pass,
    g: &Geometry,
    a: Operand<'_>,
    b: Operand<'_>,
    bias: Operand<'_>,
    slope: f32,
) -> Result<(CudaStorage, Shape)> {
    let device = device_of(a.0);
    let mut out = launch(device, pass, g, view(a.0, a.1)?, view(b.0, b.1)?)?;
    let [_, count, height, width] = g.result_dims(pass);
    let of = Repeated { count, run: height * width };
    repeated::add_bias(device, of, &mut out, view(bias.0, bias.1)?, slope)?;
    result(out, device, g.result_dims(pass).to_vec())
}

fn launch(
    device: &CudaDevice,
    pass: Pass,
    g: &Geometry,
    a: CudaView<'_, f32>,
    b: CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let plan = plan(device, pass, g)?;
    let mut out = uninitialised(device, g.result_dims(pass).iter().product())?;
    let mut workspace: Option<CudaSlice<u8>> = match plan.workspace {
        0 => None,
        // SAFETY: cuDNN's own scratch; it reads what it has written there.
        bytes => Some(unsafe { device.alloc::<u8>(bytes)? }),
    };
    let workspace = workspace.as_mut();
    let (conv, scale) = (&plan.convolution, (1.0f32, 0.0f32));
    let (x, w, y) = (&plan.image, &plan.weight, &plan.features);
    // SAFETY: the descriptors are those of `g`, against which the operands' shapes were checked; `out` is as long as
    // the result, all of which is written as the old values are scaled by 0.
    unsafe {
        match plan.algorithm {
            Algorithm::Forward(algorithm) => {
                ConvForward { conv, x, w, y }.launch(algorithm, workspace, scale, &a, &b, &mut out)
            }
            Algorithm::Data(algorithm) => ConvBackwardData { conv, dx: x, w, dy: y }
                .launch(algorithm, workspace, scale, &mut out, &b, &a),
            Algorithm::Filter(algorithm) => ConvBackwardFilter { conv, x, dw: w, dy: y }
                .launch(algorithm, workspace, scale, &a, &mut out, &b),
        }
    }
    .map_err(wrap)?;
    Ok(out)
}
