//! Networks on candle: layers, optimiser, initialisation, checkpoints. Every convolution goes through here.
//!
//! Tensors are `f32`, images are laid out `[batch, channels, height, width]`. Results on the CPU are
//! bit-identical at any number of threads: sums are partitioned by shape, never by thread. That holds for
//! the layers here; candle's own `matmul` splits its work by threads, so use [`Linear`].
//!
//! # Gradient penalty
//! candle differentiates once. The exact penalty of WGAN-GP (Gulrajani et al. 2017) is therefore
//! written as a forward expression: run the critic with [`Conv2d::frozen`] layers to get the
//! activations, then walk back with [`Linear::input_gradient`] and [`Conv2d::input_gradient`] on the
//! ordinary layers. The result is the critic's input gradient, differentiable in its weights.

mod activation;
mod adam;
pub mod checkpoint;
mod conv;
#[cfg(feature = "cuda")]
mod cuda;
pub mod device;
mod dropout;
mod error;
mod gemm;
mod init;
mod linear;
mod losses;
mod norm;
pub mod onnx;
mod panels;
mod parameters;
mod process;
mod product;
mod random;
mod relay;
mod repeated;
mod scratch;
mod ssim;
mod store;
mod sums;
mod transpose;
mod upsample;
mod vectors;

pub use activation::Activation;
pub use adam::Adam;
pub use conv::{Conv2d, ConvTranspose2d, Window};
pub use dropout::{apply_mask, dropout_mask};
pub use error::NetsError;
pub(crate) use init::Fans;
pub use init::Init;
pub use linear::Linear;
pub use losses::{binary_cross_entropy_with_logits, squared_error};
pub use norm::{BatchNorm2d, InstanceNorm2d, LayerNorm, Mode};
pub use parameters::Parameters;
pub use process::prepare_process;
pub use random::{normal, uniform};
pub use ssim::Ssim;
pub(crate) use store::is_ours;
pub use upsample::upsample_nearest;
