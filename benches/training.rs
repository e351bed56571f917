//! Training steps, scoring and single convolutions: `cargo bench --bench training [-- TEXT]` prints the median
//! wall and CPU time of those whose name holds the text. `RAYON_NUM_THREADS` sets the threads, `--device cuda` a card.
//! `benches/peers/torch_training.py` runs the same in turn with PyTorch (`--serve`).
//!
//! The networks at 128 px are those of common GAN code: kernel 4, stride 2, channels 32 to 512.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, Write};
use std::time::Instant;

use candle_core::{Device, Result, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::device::{self, Place};
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, ConvTranspose2d, Init, Linear, Mode, Parameters, Window, normal,
    prepare_process, squared_error, uniform,
};

const LEAKY: Activation = Activation::LeakyRelu(0.2);
const HALVING: Window = Window::new(4, 2, 1);
const WIDE: Window = Window::new(5, 2, 2);
const CHANNELS: &[usize] = &[1, 32, 64, 128, 256, 512];

struct Critic {
    convolutions: Vec<Conv2d>,
    score: Linear,
}

impl Critic {
    /// For images that the convolutions halve down to 4 x 4, with so many outputs of the last layer.
    fn new(parameters: &mut Parameters, window: Window, outputs: usize) -> Self {
        let stream = Stream::root(1);
        let mut convolutions = Vec::new();
        for (i, pair) in CHANNELS.windows(2).enumerate() {
            let (name, init) = (i.to_string(), Init::He { slope: 0.2 });
            convolutions
                .push(Conv2d::new(parameters, &name, [pair[0], pair[1]], window, init, &stream).unwrap());
        }
        let inputs = 16 * CHANNELS[CHANNELS.len() - 1];
        let score = Linear::new(parameters, "score", inputs, outputs, Init::Kaiming, &stream).unwrap();
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

    fn features(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(x)?.swap_remove(self.convolutions.len()).flatten_from(1)
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
        for (i, pair) in CHANNELS.windows(2).rev().enumerate() {
            let norm = BatchNorm2d::new(parameters, &format!("norm{i}"), pair[1], &stream).unwrap();
            let (name, channels) = (format!("conv{i}"), [pair[1], pair[0]]);
            let init = Init::Normal { std: 0.02 };
            let conv = ConvTranspose2d::new(parameters, &name, channels, HALVING, init, &stream).unwrap();
            layers.push((norm, conv));
        }
        Self { start, layers }
    }

    fn frozen(&self) -> Self {
        let layers = self.layers.iter().map(|(norm, conv)| (norm.frozen(), conv.frozen())).collect();
        Self { start: self.start.frozen(), layers }
    }

    fn forward(&self, latent: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = self.start.forward(latent, Activation::Identity)?.reshape(((), 512, 4, 4))?;
        for (norm, conv) in &self.layers {
            x = norm.forward(&x, mode, Activation::Relu)?;
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
        for (i, pair) in CHANNELS[..5].windows(2).enumerate() {
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

/// One run of a measurement.
type Run = Box<dyn FnMut() -> Result<()>>;

/// Sets up the measurement `name`, which says the work, the kernel where there is a choice, the batch and the pass.
fn set_up(name: &str, device: &Device) -> Run {
    let mut parameters = Parameters::new(device);
    let p = &mut parameters;
    let words: Vec<&str> = name.split(' ').collect();
    let batch = words.iter().find_map(|word| word.strip_prefix('B')?.parse().ok()).unwrap_or(64);
    let backward = name.ends_with("backward");
    let draw = |shape: &[usize], name: &str| normal(shape, &mut Stream::root(0).child(name), device).unwrap();
    let window = if name.contains("k5") { WIDE } else { HALVING };
    match words[0] {
        "wgan-gp" => {
            let critic = Critic::new(p, HALVING, 1);
            let mut adam = Adam::new(&parameters, 1e-4, 0.0, 0.9).unwrap();
            let [real, fake] = ["real", "fake"].map(|name| draw(&[batch, 1, 128, 128], name));
            let stream = &mut Stream::root(0).child("share");
            let share = uniform((batch, 1, 1, 1), 0.0, 1.0, stream, device).unwrap();
            Box::new(move || adam.step(&critic.loss(&real, &fake, &share)?.backward()?))
        }
        "critic" => {
            let critic = Critic::new(p, window, 1);
            let (critic, x) =
                (if backward { critic } else { critic.frozen() }, draw(&[batch, 1, 128, 128], "x"));
            pass(backward, move || critic.scores(&x))
        }
        "generator" => {
            let (generator, z) = (Generator::new(p), draw(&[batch, 128], "z"));
            pass(backward, move || generator.forward(&z, Mode::Training))
        }
        "vae" => {
            let autoencoder = Autoencoder::new(p);
            let x = uniform((batch, 1, 64, 64), 0.0, 1.0, &mut Stream::root(0), device).unwrap();
            let noise = draw(&[batch, 64], "noise");
            pass(backward, move || autoencoder.loss(&x, &noise))
        }
        "f-anogan" => {
            let encoder = Critic::new(p, HALVING, 128).frozen();
            let critic = Critic::new(&mut Parameters::new(device), HALVING, 1).frozen();
            let generator = Generator::new(&mut Parameters::new(device)).frozen();
            let x = draw(&[batch, 1, 128, 128], "x");
            Box::new(move || {
                let made = generator.forward(&encoder.scores(&x)?, Mode::Inference)?;
                let residual = (&x - &made)?.sqr()?.flatten_from(1)?.mean(1)?;
                let features = (critic.features(&x)? - critic.features(&made)?)?.sqr()?.mean(1)?;
                ((residual * 0.9)? + (features * 0.1)?)?.to_vec1::<f32>().map(drop)
            })
        }
        "convolution" => {
            let i: usize = words[1].parse().unwrap();
            let (channels, px) = ([CHANNELS[i], CHANNELS[i + 1]], 128 >> i);
            let layer = Conv2d::new(p, "layer", channels, window, Init::Kaiming, &Stream::root(0)).unwrap();
            let x = Var::from_tensor(&draw(&[batch, channels[0], px, px], "x")).unwrap();
            pass(backward, move || layer.forward(&x, LEAKY))
        }
        _ => panic!("no measurement is called {name:?}"),
    }
}

/// A forward pass, with the backward pass of its mean where asked.
fn pass(backward: bool, forward: impl Fn() -> Result<Tensor> + 'static) -> Run {
    match backward {
        true => Box::new(move || forward()?.mean_all()?.backward().map(drop)),
        false => Box::new(move || forward().map(drop)),
    }
}

/// The names of all measurements.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    for batch in [16, 64] {
        names.push(format!("wgan-gp step B{batch}"));
        for pass in ["forward", "forward+backward"] {
            for work in ["critic k4", "critic k5", "generator", "vae"] {
                names.push(format!("{work} B{batch} {pass}"));
            }
        }
    }
    names.extend([1, 64].map(|batch| format!("f-anogan score B{batch}")));
    names.extend((0..5).map(|layer| format!("convolution {layer} B64 forward+backward")));
    names
}

/// CPU seconds of all threads that still run; Linux only, 0 elsewhere.
fn cpu_secs() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(of).sum::<f64>() / 1e9
}

/// Wall and CPU seconds of one of `count` runs.
fn time(run: &mut Run, count: usize, device: &Device) -> [f64; 2] {
    let (started, cpu) = (Instant::now(), cpu_secs());
    for _ in 0..count {
        run().unwrap();
    }
    device.synchronize().unwrap();
    [started.elapsed().as_secs_f64(), cpu_secs() - cpu].map(|secs| secs / count as f64)
}

/// Answers each line `NAME <tab> COUNT` with the wall and CPU seconds of a run; the first of a name is a warm-up.
fn serve(device: &Device) {
    let mut current: (String, Option<Run>) = (String::new(), None);
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (name, count) = line.split_once('\t').unwrap();
        if current.0 != name {
            // The old networks go before the new ones come.
            current = (name.to_owned(), None);
        }
        let run = current.1.get_or_insert_with(|| set_up(name, device));
        let [wall, cpu] = time(run, count.parse().unwrap(), device);
        println!("{wall} {cpu}");
        std::io::stdout().flush().unwrap();
    }
}

fn main() {
    prepare_process();
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut take = |flag: &str, values: usize| {
        let at = arguments.iter().position(|a| a == flag)?;
        Some(arguments.drain(at..=at + values).next_back().unwrap())
    };
    let device = take("--device", 1).map_or(Place::Cpu, |place| place.parse().unwrap()).open().unwrap();
    if take("--serve", 0).is_some() {
        return serve(&device);
    }
    if let Some(name) = take("--peak", 1) {
        let mut run = set_up(&name, &device);
        (0..3).for_each(|_| run().unwrap());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        println!("{}", peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0);
        return;
    }
    println!("{}, wall and CPU milliseconds, medians of 7 runs", device::name(&device));
    let wanted = arguments.first().cloned().unwrap_or_default();
    for name in names().into_iter().filter(|name| name.contains(&wanted)) {
        let mut run = set_up(&name, &device);
        time(&mut run, 1, &device);
        let times: Vec<[f64; 2]> = (0..7).map(|_| time(&mut run, 1, &device)).collect();
        let median = |clock: usize| {
            let mut of: Vec<f64> = times.iter().map(|t| t[clock] * 1e3).collect();
            of.sort_by(f64::total_cmp);
            of[of.len() / 2]
        };
        println!("{name:40} {:9.2} {:9.2}", median(0), median(1));
    }
}
