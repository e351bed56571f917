//! Which pixels stand side by side in a vector, and where their sums read.

use super::direction::Direction;
use super::planes::Plane;
use crate::nets::panels::{Step, Vector};
use crate::nets::scratch::Scratch;
use crate::nets::transpose::transpose;
use crate::nets::vectors::widest;

/// Steps that are taken at a time: what they read stays in the first cache.
const STEPS: usize = 256;

/// What the lanes of a vector are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// Neighbours in a row of the target that sum over the same weights. The source is padded with zeros.
    Row,
    /// The same pixel of as many images: for small images, whose borders then cost nothing, in large batches.
    Images,
    /// Any pixels, which are first brought together: for small images in small batches.
    Gathered,
}

impl Lanes {
    fn choose(direction: &Direction, lanes: usize) -> Self {
        let narrowest = direction.kinds(2).map(|(_, count)| count).min().unwrap_or(0);
        if narrowest >= lanes {
            Self::Row
        } else if 4 * direction.batch >= 3 * direction.batch.next_multiple_of(lanes) {
            Self::Images
        } else {
            Self::Gathered
        }
    }
}

/// Pixels of the target that sum over the same weights.
pub(super) struct Class {
    /// For [`Layout::channels`] channels of the source, channel by channel.
    steps: Vec<Step>,
    /// Steps of one channel.
    pub taps: usize,
    /// Pixels, or runs of as many neighbours as there are lanes: where they read in the first image, and their place
    /// there among the vectors of one image (among all pixels of one image, where they are gathered).
    members: Vec<Vector>,
}

/// Pixels of the target, along one axis, that sum over the same weights inside of the source.
struct Alike {
    /// Weights, and where they read from the first pixel of the source on.
    taps: Vec<(usize, usize)>,
    /// Pixels of the target, and the first of the source that they sum over.
    members: Vec<[usize; 2]>,
}

/// How a pass is cut into vectors.
pub(super) struct Layout {
    pub lanes: Lanes,
    /// Scalars of a vector.
    pub width: usize,
    pub classes: Vec<Class>,
    /// Channels of the source that are summed over at a time.
    pub channels: usize,
    plane: Plane,
    /// Scalars of one channel of the source as laid out.
    pub channel: usize,
    /// Runs of neighbours in one row of the target of pixels of one kind.
    pub runs: usize,
    source_channels: usize,
}

impl Layout {
    pub fn new(direction: &Direction, width: usize) -> Self {
        let (lanes, plane) = (Lanes::choose(direction, width), Plane::new(direction));
        let [_, source_height, source_width] = direction.source;
        let channel = if lanes == Lanes::Images { source_height * source_width * width } else { plane.len() };
        let mut layout = Self {
            lanes,
            width,
            classes: Vec::new(),
            channels: 0,
            plane,
            channel,
            runs: direction.kinds(2).map(|(_, count)| count.div_ceil(width)).max().unwrap_or(0),
            source_channels: direction.source[0],
        };
        let taps = match lanes {
            Lanes::Images => layout.pixels(direction),
            Lanes::Row | Lanes::Gathered => layout.neighbours(direction),
        };
        let most = taps.iter().map(Vec::len).max().unwrap_or(0).max(1);
        layout.channels = (STEPS / most).clamp(1, direction.source[0]);
        for (class, taps) in layout.classes.iter_mut().zip(taps) {
            let [_, a_channel] = direction.weights_apart();
            let at = |c: usize, [a, b]: [usize; 2]| [c * a_channel + a, c * channel + b].map(|at| at as u32);
            let of = |c: usize| taps.iter().map(move |&tap| at(c, tap));
            class.steps = (0..layout.channels).flat_map(of).map(|[a, b]| Step { a, b }).collect();
            class.taps = taps.len();
        }
        layout
    }

    fn push(&mut self, members: Vec<Vector>) {
        self.classes.push(Class { steps: Vec::new(), taps: 0, members });
    }

    /// Classes for [`Lanes::Row`] and [`Lanes::Gathered`]; gives the taps of each, in weights and source.
    fn neighbours(&mut self, direction: &Direction) -> Vec<Vec<[usize; 2]>> {
        let (period, kernel, plane) = (direction.period(), direction.kernel(), self.plane);
        let mut all = Vec::new();
        for (top, rows) in direction.kinds(1) {
            for (left, columns) in direction.kinds(2) {
                let (down, across) = (direction.taps(top), direction.taps(left));
                let of = |&(ky, y): &(usize, isize)| {
                    across.iter().map(move |&(kx, x)| [ky * kernel + kx, plane.position([y, x])])
                };
                all.push(down.iter().flat_map(of).collect());
                let mut members = Vec::new();
                for y in 0..rows {
                    let (start, row) = (y * direction.stride() * self.plane.row(), top + y * period);
                    if self.lanes == Lanes::Row {
                        for run in 0..columns.div_ceil(self.width) {
                            // The last run takes from the one before what it lacks.
                            let start = start + (run * self.width).min(columns - self.width);
                            let place = (row * direction.kinds(2).count() + left) * self.runs + run;
                            members.push(Vector { start, place });
                        }
                    } else {
                        let place = |x: usize| row * direction.target[2] + left + x * period;
                        members.extend((0..columns).map(|x| Vector { start: start + x, place: place(x) }));
                    }
                }
                self.push(members);
            }
        }
        all
    }

    /// Classes for [`Lanes::Images`]; gives the taps of each, in weights and source.
    fn pixels(&mut self, direction: &Direction) -> Vec<Vec<[usize; 2]>> {
        let axis = |axis: usize| {
            let mut kinds: Vec<Alike> = Vec::new();
            for target in 0..direction.target[axis] {
                let inside = |&(tap, source): &(usize, isize)| {
                    let source = usize::try_from(source).ok().filter(|&at| at < direction.source[axis])?;
                    Some((tap, source))
                };
                let taps: Vec<_> = direction.taps(target).iter().filter_map(inside).collect();
                let first = taps.iter().map(|&(_, source)| source).min().unwrap_or(0);
                let taps: Vec<_> = taps.into_iter().map(|(tap, source)| (tap, source - first)).collect();
                match kinds.iter_mut().find(|known| known.taps == taps) {
                    Some(known) => known.members.push([target, first]),
                    None => kinds.push(Alike { taps, members: vec![[target, first]] }),
                }
            }
            kinds
        };
        let (kernel, width) = (direction.kernel(), self.width);
        let position = |y: usize, x: usize| (y * direction.source[2] + x) * width;
        let mut all = Vec::new();
        for Alike { taps: down, members: rows } in axis(1) {
            for Alike { taps: across, members: columns } in axis(2) {
                let of = |&(ky, y): &(usize, usize)| {
                    across.iter().map(move |&(kx, x)| [ky * kernel + kx, position(y, x)])
                };
                all.push(down.iter().flat_map(of).collect());
                let member = |[y, start_y]: [usize; 2], [x, start_x]: [usize; 2]| Vector {
                    start: position(start_y, start_x),
                    place: y * direction.target[2] + x,
                };
                let members = rows.iter().flat_map(|&y| columns.iter().map(move |&x| member(y, x))).collect();
                self.push(members);
            }
        }
        all
    }

    /// Images that are laid out together.
    pub fn images_together(&self) -> usize {
        if self.lanes == Lanes::Images { self.width } else { 1 }
    }

    /// Vectors that the results of `images` images take.
    pub fn vectors(&self, direction: &Direction, images: usize) -> usize {
        match self.lanes {
            Lanes::Row => images * direction.target[1] * direction.kinds(2).count() * self.runs,
            Lanes::Images => images.div_ceil(self.width) * direction.target_px(),
            Lanes::Gathered => self.classes.iter().map(|class| self.gathered(class, images)).sum(),
        }
    }

    /// Vectors of `class` where the pixels of `images` images are gathered.
    pub fn gathered(&self, class: &Class, images: usize) -> usize {
        (class.members.len() * images).div_ceil(self.width)
    }

    /// Lays out channel `channel` of some images, which are `apart`, as many as lie together.
    pub fn fill(&self, images: &[f32], apart: usize, px: usize, channel: usize, out: &mut [f32]) {
        if self.lanes == Lanes::Images {
            let count = images.len() / apart;
            transpose((&images[channel * px..], apart), [count, px], (out, self.width));
        } else {
            widest(|| self.plane.fill(&images[channel * px..][..px], out));
        }
    }
}

impl Class {
    /// The steps for as many channels.
    pub fn steps(&self, channels: usize) -> &[Step] {
        &self.steps[..channels * self.taps]
    }

    /// The vectors of a group of images.
    pub fn vectors(&self, layout: &Layout, direction: &Direction, images: usize) -> Vec<Vector> {
        let count = images.div_ceil(layout.images_together());
        let start = layout.source_channels * layout.channel;
        let place = match layout.lanes {
            Lanes::Row => layout.vectors(direction, 1),
            Lanes::Images | Lanes::Gathered => direction.target_px(),
        };
        let of = |i: usize| {
            self.members
                .iter()
                .map(move |m| Vector { start: m.start + i * start, place: m.place + i * place })
        };
        (0..count).flat_map(of).collect()
    }

    /// The steps over pixels that were brought together by [`Self::gather`].
    pub fn gathered_steps(&self, vectors: usize, width: usize, channels: usize) -> Vec<Step> {
        let number = |(i, step): (usize, &Step)| Step { a: step.a, b: (i * vectors * width) as u32 };
        self.steps(channels).iter().enumerate().map(number).collect()
    }

    /// Brings together what each step reads in `source`: `[step, vector, lane]`.
    pub fn gather(
        &self,
        source: &[f32],
        lanes: &[Vector],
        channels: usize,
        vectors: usize,
        width: usize,
    ) -> Scratch {
        // Neighbours lie side by side in the source too.
        let runs: Vec<[usize; 2]> =
            lanes.chunk_by(|a, b| a.start + 1 == b.start).map(|run| [run[0].start, run.len()]).collect();
        let mut out = Scratch::new(channels * self.taps * vectors * width);
        for (out, step) in out.chunks_exact_mut((vectors * width).max(1)).zip(self.steps(channels)) {
            let (mut out, source) = (out, &source[step.b as usize..]);
            for &[start, len] in &runs {
                let (run, rest) = out.split_at_mut(len);
                run.copy_from_slice(&source[start..][..len]);
                out = rest;
            }
            out.fill(0.0);
        }
        out
    }
}
