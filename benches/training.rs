//! Training steps and convolutions on the CPU: `cargo bench --bench training`. `RAYON_NUM_THREADS` sets the
//! threads.
//!
//! The networks at 128 px are those of common GAN code: kernel 4, stride 2, channels 32 to 512.
#![allow(missing_docs, clippy::unwrap_used)]

use candle_core::{Device, Result, Tensor};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use generators::stream::Stream;
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, ConvTranspose2d, Init, Linear, Mode, Parameters, Window, normal,
    prepare_process, squared_error, uniform,
};

const LEAKY: Activation = Activation::LeakyRelu(0.2);
const HALVING: Window = Window::new(4, 2, 1);
const WIDE: Window = Window::new(5, 2, 2);
const SMALL: &[usize] = &[1, 16, 32, 64, 128];
const LARGE: &[usize] = &[1, 32, 64, 128, 256, 512];

struct Critic {
    convolutions: Vec<Conv2d>,
    score: Linear,
}

impl Critic {
    /// For images that the convolutions halve down to 4 x 4.
    fn new(parameters: &mut Parameters, channels: &[usize], window: Window) -> Self {
        let stream = Stream::root(1);
        let mut convolutions = Vec::new();
        for (i, pair) in channels.windows(2).enumerate() {
            let (name, init) = (i.to_string(), Init::He { slope: 0.2 });
            convolutions
                .push(Conv2d::new(parameters, &name, [pair[0], pair[1]], window, init, &stream).unwrap());
        }
        let inputs = 16 * channels[channels.len() - 1];
        let score = Linear::new(parameters, "score", inputs, 1, Init::Kaiming, &stream).unwrap();
        Self { convolutions, score }
    }

    fn frozen(&self) -> Self {
        Self {
            convolutions: self.convolutions.iter().map(Conv2d::frozen).collect(),
            score: self.score.frozen(),
        }
    }

    /// Input, activations, score.
    fn forward(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let mut all = vec![x.clone()];
        for layer in &self.convolutions {
            all.push(layer.forward(&all[all.len() - 1], LEAKY)?);
        }
        all.push(self.score.forward(&all[all.len() - 1].flatten_from(1)?, Activation::Identity)?);
        Ok(all)
    }

    fn scores(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.forward(x)?.swap_remove(self.convolutions.len() + 1))
    }

    fn input_gradient(&self, x: &Tensor) -> Result<Tensor> {
        let all = self.frozen().forward(x)?;
        let last = &all[all.len() - 1];
        let upstream = self.score.input_gradient(&last.ones_like()?, last, Activation::Identity)?;
        let mut upstream = upstream.reshape(all[all.len() - 2].shape())?;
        for (i, layer) in self.convolutions.iter().enumerate().rev() {
            let px = [all[i].dim(2)?, all[i].dim(3)?];
            upstream = layer.input_gradient(&upstream, &all[i + 1], LEAKY, px)?;
        }
        Ok(upstream)
    }

    /// The critic's loss of WGAN-GP with `share` `[batch, 1, 1, 1]` of each real image in the mixture.
    fn loss(&self, real: &Tensor, fake: &Tensor, share: &Tensor) -> Result<Tensor> {
        let mixed = (real.broadcast_mul(share)? + fake.broadcast_mul(&(1.0 - share)?)?)?;
        let squares = self.input_gradient(&mixed)?.flatten_from(1)?.sqr()?.sum(1)?;
        let penalty = (((squares + 1e-12)?.sqrt()? - 1.0)?.sqr()?.mean_all()? * 10.0)?;
        let batch = real.dim(0)?;
        let scores = self.scores(&Tensor::cat(&[fake, real], 0)?)?;
        let difference =
            scores.narrow(0, 0, batch)?.mean_all()? - scores.narrow(0, batch, batch)?.mean_all()?;
        difference? + penalty
    }
}

struct Generator {
    start: Linear,
    layers: Vec<(BatchNorm2d, ConvTranspose2d)>,
}

impl Generator {
    fn new(parameters: &mut Parameters) -> Self {
        let stream = Stream::root(2);
        let start = Linear::new(parameters, "start", 128, 512 * 16, Init::Kaiming, &stream).unwrap();
        let mut layers = Vec::new();
        for (i, pair) in LARGE.windows(2).rev().enumerate() {
            let norm = BatchNorm2d::new(parameters, &format!("norm{i}"), pair[1], &stream).unwrap();
            let (name, channels) = (format!("conv{i}"), [pair[1], pair[0]]);
            let init = Init::Normal { std: 0.02 };
            let conv = ConvTranspose2d::new(parameters, &name, channels, HALVING, init, &stream).unwrap();
            layers.push((norm, conv));
        }
        Self { start, layers }
    }

    fn forward(&self, latent: &Tensor) -> Result<Tensor> {
        let mut x = self.start.forward(latent, Activation::Identity)?.reshape(((), 512, 4, 4))?;
        for (norm, conv) in &self.layers {
            x = norm.forward(&x, Mode::Training, Activation::Relu)?;
            x = conv.forward(&x, Activation::Identity)?;
        }
        x.tanh()
    }
}

struct Autoencoder {
    encoder: Vec<Conv2d>,
    latent: [Linear; 3],
    decoder: Vec<ConvTranspose2d>,
}

impl Autoencoder {
    /// A variational autoencoder at 64 px.
    fn new(parameters: &mut Parameters) -> Self {
        let (stream, init) = (Stream::root(3), Init::He { slope: 0.2 });
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        for (i, pair) in LARGE[..5].windows(2).enumerate() {
            let (down, up) = (format!("encoder{i}"), format!("decoder{i}"));
            let (channels, back) = ([pair[0], pair[1]], [pair[1], pair[0]]);
            encoder.push(Conv2d::new(parameters, &down, channels, HALVING, init, &stream).unwrap());
            decoder.insert(0, ConvTranspose2d::new(parameters, &up, back, HALVING, init, &stream).unwrap());
        }
        let mut linear = |name: &str, inputs, outputs| {
            Linear::new(parameters, name, inputs, outputs, Init::Kaiming, &stream).unwrap()
        };
        let latent = [linear("mean", 4096, 64), linear("log_variance", 4096, 64), linear("start", 64, 4096)];
        Self { encoder, latent, decoder }
    }

    fn loss(&self, x: &Tensor, noise: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        for layer in &self.encoder {
            h = layer.forward(&h, LEAKY)?;
        }
        let h = h.flatten_from(1)?;
        let mean = self.latent[0].forward(&h, Activation::Identity)?;
        let log_variance = self.latent[1].forward(&h, Activation::Identity)?;
        let z = (&mean + (noise * (&log_variance * 0.5)?.exp()?)?)?;
        let mut h = self.latent[2].forward(&z, LEAKY)?.reshape(((), 256, 4, 4))?;
        for (i, layer) in self.decoder.iter().enumerate() {
            h = layer.forward(&h, if i < 3 { LEAKY } else { Activation::Identity })?;
        }
        let batch = x.dim(0)? as f64;
        let reconstruction = (squared_error(&candle_nn::ops::sigmoid(&h)?, x)? / batch)?;
        let divergence = (((&log_variance + 1.0)? - mean.sqr()?)? - log_variance.exp()?)?;
        reconstruction + (divergence.sum_all()? * (-0.5 / batch))?
    }
}

fn noise(shape: &[usize], name: &str) -> Tensor {
    normal(shape, &mut Stream::root(0).child(name), &Device::Cpu).unwrap()
}

fn critic_step(c: &mut Criterion) {
    prepare_process();
    let mut group = c.benchmark_group("wgan-gp critic step");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, channels, px, batch) in
        [("64px B64", SMALL, 64, 64), ("128px B16", LARGE, 128, 16), ("128px B64", LARGE, 128, 64)]
    {
        let mut parameters = Parameters::new(&Device::Cpu);
        let critic = Critic::new(&mut parameters, channels, HALVING);
        let mut adam = Adam::new(&parameters, 1e-4, 0.0, 0.9).unwrap();
        let (real, fake) = (noise(&[batch, 1, px, px], "real"), noise(&[batch, 1, px, px], "fake"));
        let share =
            uniform((batch, 1, 1, 1), 0.0, 1.0, &mut Stream::root(0).child("share"), &Device::Cpu).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                let gradients = critic.loss(&real, &fake, &share).unwrap().backward().unwrap();
                adam.step(&gradients).unwrap();
            });
        });
    }
    group.finish();
}

fn networks(c: &mut Criterion) {
    let mut group = c.benchmark_group("networks");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, window) in [("critic k4", HALVING), ("critic k5", WIDE)] {
        let critic = Critic::new(&mut Parameters::new(&Device::Cpu), LARGE, window);
        let frozen = critic.frozen();
        for batch in [16, 64] {
            let x = noise(&[batch, 1, 128, 128], "x");
            group.bench_function(format!("{name} B{batch} forward"), |b| {
                b.iter(|| frozen.scores(&x).unwrap());
            });
            group.bench_function(format!("{name} B{batch} forward+backward"), |b| {
                b.iter(|| critic.scores(&x).unwrap().mean_all().unwrap().backward().unwrap());
            });
        }
    }
    let generator = Generator::new(&mut Parameters::new(&Device::Cpu));
    for batch in [16, 64] {
        let z = noise(&[batch, 128], "z");
        group.bench_function(format!("generator B{batch} forward"), |b| {
            b.iter(|| generator.forward(&z).unwrap());
        });
        group.bench_function(format!("generator B{batch} forward+backward"), |b| {
            b.iter(|| generator.forward(&z).unwrap().mean_all().unwrap().backward().unwrap());
        });
    }
    let autoencoder = Autoencoder::new(&mut Parameters::new(&Device::Cpu));
    let (x, z) = (noise(&[64, 1, 64, 64], "x"), noise(&[64, 64], "z"));
    group.bench_function("vae B64 forward", |b| b.iter(|| autoencoder.loss(&x, &z).unwrap()));
    group.bench_function("vae B64 forward+backward", |b| {
        b.iter(|| autoencoder.loss(&x, &z).unwrap().backward().unwrap());
    });
    group.finish();
}

/// Each layer of the critic at 128 px, batch 64, alone: forward, then the same with both gradients.
fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolution");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (i, pair) in LARGE.windows(2).enumerate() {
        let mut parameters = Parameters::new(&Device::Cpu);
        let channels = [pair[0], pair[1]];
        let layer = Conv2d::new(&mut parameters, "layer", channels, HALVING, Init::Kaiming, &Stream::root(0))
            .unwrap();
        let px = 128 >> i;
        let x = candle_core::Var::from_tensor(&noise(&[64, pair[0], px, px], "x")).unwrap();
        let name = format!("{} to {} channels, {px}px", pair[0], pair[1]);
        group.bench_function(format!("{name}, forward"), |b| {
            b.iter(|| layer.frozen().forward(&x.as_detached_tensor(), LEAKY).unwrap());
        });
        group.bench_function(format!("{name}, forward+backward"), |b| {
            b.iter(|| layer.forward(&x, LEAKY).unwrap().backward().unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, critic_step, networks, convolutions);
criterion_main!(benches);
