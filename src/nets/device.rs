//! Where networks live: the processor, or an NVIDIA card.

use std::str::FromStr;

use candle_core::Device;

use super::NetsError;

/// What a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The first card where the program is built for one and finds one, else the processor.
    #[default]
    Best,
    /// The processor.
    Cpu,
    /// A card, counted from 0.
    Cuda(usize),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("cuda:").map(str::parse)) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(card))) => Ok(Self::Cuda(card)),
            _ => Err("a device is cpu, cuda or cuda:N, with N counted from 0".to_owned()),
        }
    }
}

impl Place {
    /// The device.
    ///
    /// # Errors
    /// [`NetsError::NoCuda`] and [`NetsError::NoCard`] where a card was asked for and is not to be had;
    /// [`NetsError::Tensor`] where it cannot be used.
    pub fn open(self) -> Result<Device, NetsError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Best if cards() == 0 => Ok(Device::Cpu),
            Self::Best => open_card(0),
            Self::Cuda(card) => open_card(card),
        }
    }
}

/// What a device is called: `CPU, 8 threads`, or the card's own name.
pub fn name(device: &Device) -> String {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(card) => super::cuda::name(card).unwrap_or_else(|_| "an NVIDIA card".to_owned()),
        _ => match rayon::current_num_threads() {
            1 => "CPU, 1 thread".to_owned(),
            n => format!("CPU, {n} threads"),
        },
    }
}

#[cfg(feature = "cuda")]
use super::cuda::cards;

#[cfg(not(feature = "cuda"))]
fn cards() -> usize {
    0
}

#[cfg(feature = "cuda")]
fn open_card(card: usize) -> Result<Device, NetsError> {
    let cards = cards();
    if card >= cards {
        return Err(NetsError::NoCard { card, cards });
    }
    let device = Device::new_cuda(card)?;
    super::cuda::prepare(device.as_cuda_device()?)?;
    Ok(device)
}

#[cfg(not(feature = "cuda"))]
fn open_card(_: usize) -> Result<Device, NetsError> {
    Err(NetsError::NoCuda)
}

/// Whether a card may round the operands of convolutions and matrix products to TF32, with 10 bits of mantissa: several
/// times faster, and on at first. The processor never does.
pub fn allow_tf32(allow: bool) {
    #[cfg(feature = "cuda")]
    super::cuda::allow_tf32(allow);
    #[cfg(not(feature = "cuda"))]
    let _ = allow;
}

/// Whether a card takes only convolutions that give the same bits each time, which may be slower; off at first. The
/// processor always does. With it, a training on the same card, driver and libraries gives the same weights again.
pub fn deterministic(on: bool) {
    #[cfg(feature = "cuda")]
    super::cuda::deterministic(on);
    #[cfg(not(feature = "cuda"))]
    let _ = on;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_one_spelling() {
        assert_eq!("cpu".parse(), Ok(Place::Cpu));
        assert_eq!("cuda".parse(), Ok(Place::Cuda(0)));
        assert_eq!("cuda:12".parse(), Ok(Place::Cuda(12)));
        for wrong in ["", "CPU", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda1"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_processor_is_always_there() {
        assert!(Place::Cpu.open().unwrap().is_cpu());
        let best = Place::Best.open().unwrap();
        assert!(best.is_cpu() == (cards() == 0), "{}", name(&best));
    }

    #[test]
    fn a_card_that_is_not_there_is_an_error() {
        let message = Place::Cuda(99).open().unwrap_err().to_string();
        let expected = if cfg!(feature = "cuda") { "no CUDA card 99" } else { "without CUDA" };
        assert!(message.contains(expected), "{message}");
    }
}
