//! What there is to say for the areas of a sliced part, and how sure they are.

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{FillRule, Mesh, Repairs, Slice, area, oracle};

/// Doubt below this share of the largest layer's area leaves a part printable.
const SURE: f64 = 1e-3;
/// Sums of products of coordinates agree to this share of the section's extent times its outline.
const ROUNDING: f64 = 1e-11;

/// What a part's layers are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The surface is closed and consistent, and every check of the areas agrees.
    Sound,
    /// Something was mended; the areas hang on it by less than a thousandth of the largest layer.
    Repaired,
    /// Some area hangs on guesses by more than that; `doubt_mm2` says by how much.
    Uncertain,
}

/// How a part was read, mended and sliced, and how far its areas can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The sum of it.
    pub verdict: Verdict,
    /// What was read, kept and mended, and where.
    pub repairs: Repairs,
    /// The mesh's volume in mm³ by the divergence theorem; where bodies overlap it counts them all.
    pub volume_mm3: f64,
    /// The layers' areas, each times the height that it stands for, in mm³; overlapping bodies count
    /// as in `volume_mm3`.
    pub layers_mm3: f64,
    /// What the layers miss of the surface between their middles, in mm³: the error of the midpoint
    /// rule, computed from the facets.
    pub between_mm3: f64,
    /// `volume_mm3 - layers_mm3 - between_mm3`: holes, or what was guessed to close them.
    pub unexplained_mm3: f64,
    /// As `layers_mm3`, what several bodies share counted once.
    pub printed_mm3: f64,
    /// The largest area of a layer in mm².
    pub largest_area_mm2: f64,
    /// The largest doubt about the area of a layer in mm².
    pub doubt_mm2: f64,
    /// Gaps that were closed, in all layers.
    pub closed_gaps: usize,
    /// Length in mm of the longest of them.
    pub longest_gap_mm: f64,
    /// Open pieces of contour that were left out, in all layers.
    pub open_chains: usize,
    /// The layers in the order of their slices.
    pub layers: Vec<LayerCertificate>,
}

/// What there is to say for the area of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerCertificate {
    /// The height in mm, in the part's coordinates.
    pub z_mm: f64,
    /// Its area in mm² under its fill rule.
    pub area_mm2: f64,
    /// How far the area may be from the truth, in mm²: what hangs on guesses, what fill rules and
    /// the facets' own sum disagree about, and what moved vertices may have changed.
    pub doubt_mm2: f64,
    /// Closed contours.
    pub contours: usize,
    /// How they enclose the section.
    pub fill: FillRule,
    /// Gaps that were closed by a straight line.
    pub closed_gaps: usize,
    /// Length in mm of the longest of them.
    pub longest_gap_mm: f64,
    /// Open pieces of contour that were left out.
    pub open_chains: usize,
    /// Area in mm² inside more than one body, which counts once.
    pub overlap_mm2: f64,
    /// Area in mm² inside bodies whose facets face inwards.
    pub inverted_mm2: f64,
}

impl Certificate {
    /// Examines `slices` of `mesh`, which may be at any heights.
    ///
    /// Nothing of the slicer is taken for granted: each layer's contours are held against the sum
    /// over the raw facets that the plane cuts (Green's theorem), and all of them against the mesh's volume,
    /// less what the facets do between the planes (Peano's form of the midpoint rule's error).
    pub fn of(mesh: &Mesh, slices: &[Slice]) -> Self {
        let heights_mm: Vec<f64> = slices.iter().map(|slice| slice.z_mm).collect();
        let oracle = oracle::sums(mesh, &heights_mm);
        let changes_mm2 = changes_mm2(mesh, &heights_mm, &oracle.wound_mm2);
        let examined: Vec<(LayerCertificate, f64)> = slices
            .par_iter()
            .zip(oracle.wound_mm2.par_iter().zip(&changes_mm2))
            .map(|(slice, (&expected, &change))| LayerCertificate::of(mesh, slice, expected, change))
            .collect();
        let sum = |value: &dyn Fn(&(LayerCertificate, f64)) -> f64| -> f64 {
            examined.iter().zip(&oracle.heights_mm).map(|(layer, height)| value(layer) * height).sum()
        };
        let (layers_mm3, printed_mm3) = (sum(&|(_, wound)| *wound), sum(&|(layer, _)| layer.area_mm2));
        let layers: Vec<LayerCertificate> = examined.into_iter().map(|(layer, _)| layer).collect();
        let most = |value: fn(&LayerCertificate) -> f64| layers.iter().map(value).fold(0.0, f64::max);
        let (largest_area_mm2, doubt_mm2) = (most(|l| l.area_mm2), most(|l| l.doubt_mm2));
        let volume_mm3 = mesh.volume_mm3();
        let verdict = if doubt_mm2 > SURE * largest_area_mm2 {
            Verdict::Uncertain
        } else if mesh.repairs().is_sound() {
            Verdict::Sound
        } else {
            Verdict::Repaired
        };
        Self {
            verdict,
            repairs: mesh.repairs().clone(),
            volume_mm3,
            layers_mm3,
            between_mm3: oracle.between_mm3,
            unexplained_mm3: volume_mm3 - layers_mm3 - oracle.between_mm3,
            printed_mm3,
            largest_area_mm2,
            doubt_mm2,
            closed_gaps: layers.iter().map(|l| l.closed_gaps).sum(),
            longest_gap_mm: most(|l| l.longest_gap_mm),
            open_chains: layers.iter().map(|l| l.open_chains).sum(),
            layers,
        }
    }
}

impl LayerCertificate {
    /// The certificate, and the area counted as often as contours wind around it. `expected_mm2` is
    /// the facets' own sum, `change_mm2` how far it is another where vertices that were moved came from.
    fn of(mesh: &Mesh, slice: &Slice, expected_mm2: f64, change_mm2: f64) -> (Self, f64) {
        let enclosed = slice.enclosed();
        let outline_mm = outline_mm(slice);
        let [width, depth, _] = mesh.bounds().size();
        let rounding_mm2 = ROUNDING * outline_mm * (width + depth) + enclosed.error_mm2;
        let (inside_out, other_mm2) = match slice.fill {
            FillRule::NonZero => {
                let contrary = (expected_mm2 + slice.guess.bridged_mm2 - enclosed.wound_mm2).abs();
                (enclosed.inverted_mm2, if contrary > rounding_mm2 { contrary } else { 0.0 })
            }
            FillRule::EvenOdd => {
                let non_zero = area::measure(&slice.contours, FillRule::NonZero);
                (0.0, (non_zero.filled_mm2 - enclosed.filled_mm2).abs())
            }
        };
        let moved_mm2 = mesh.moved_mm * outline_mm + change_mm2;
        let doubt_mm2 = slice.guess.doubt_mm2 + inside_out + other_mm2 + moved_mm2;
        let certificate = Self {
            z_mm: slice.z_mm,
            area_mm2: enclosed.filled_mm2,
            doubt_mm2: doubt_mm2.min(width * depth),
            contours: slice.contours.len(),
            fill: slice.fill,
            closed_gaps: slice.guess.closed_gaps,
            longest_gap_mm: slice.guess.longest_gap_mm,
            open_chains: slice.guess.open_chains,
            overlap_mm2: enclosed.doubled_mm2,
            inverted_mm2: enclosed.inverted_mm2,
        };
        (certificate, enclosed.wound_mm2)
    }
}

/// How far the area is another as much above or below each height as a vertex was moved at most: on a slope, a small way up is a
/// long way in.
fn changes_mm2(mesh: &Mesh, heights_mm: &[f64], here_mm2: &[f64]) -> Vec<f64> {
    let mut changes_mm2 = vec![0.0f64; heights_mm.len()];
    for way in [-mesh.moved_mm, mesh.moved_mm].into_iter().filter(|way| *way != 0.0) {
        let moved: Vec<f64> = heights_mm.iter().map(|height| height + way).collect();
        let there_mm2 = oracle::sums(mesh, &moved).wound_mm2;
        for ((change, there), here) in changes_mm2.iter_mut().zip(there_mm2).zip(here_mm2) {
            *change = change.max((there - here).abs());
        }
    }
    changes_mm2
}

/// The length of all contours in mm.
fn outline_mm(slice: &Slice) -> f64 {
    let length = |a: [f64; 2], b: [f64; 2]| ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt();
    let around = |points: &[[f64; 2]]| -> f64 {
        let last = points.last().copied().unwrap_or_default();
        points.windows(2).map(|pair| length(pair[0], pair[1])).sum::<f64>()
            + points.first().map_or(0.0, |&first| length(last, first))
    };
    slice.contours.iter().map(|contour| around(&contour.points)).sum()
}

/// `1 layer`, `2 layers`.
fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.doubt_mm2 / self.largest_area_mm2.max(f64::MIN_POSITIVE);
        match self.verdict {
            Verdict::Sound => write!(f, "sound: closed, and every area agrees with its facets")?,
            Verdict::Repaired if self.closed_gaps == 0 => {
                write!(f, "repaired: closed now, and every area is sure to {share:.1e} % of the largest")?;
            }
            Verdict::Repaired => write!(
                f,
                "repaired: every area is sure to {share:.1e} % of the largest, if no hole's filling leaves the hull \
                 of its rim"
            )?,
            Verdict::Uncertain => write!(
                f,
                "uncertain: the area of a layer may be off by {:.3e} mm2, {share:.2} % of the largest",
                self.doubt_mm2
            )?,
        }
        let Repairs { triangles_read, triangles_kept, faults } = &self.repairs;
        write!(f, "\n{triangles_read} triangles read, {triangles_kept} kept")?;
        for repair in faults {
            write!(f, "\n  {repair}")?;
            if let (Some(bounds), Some(&[x, y, z])) = (&repair.bounds_mm, repair.first_mm.first()) {
                let [width, depth, height] = bounds.size();
                write!(f, ", the first at ({x:.4}, {y:.4}, {z:.4}) mm")?;
                if repair.count > 1 {
                    write!(f, ", all within {width:.4} x {depth:.4} x {height:.4} mm")?;
                }
            }
        }
        if self.closed_gaps > 0 {
            let gaps = counted(self.closed_gaps, "gap");
            write!(f, "\n{gaps} closed, the longest {:.4} mm", self.longest_gap_mm)?;
        }
        if self.open_chains > 0 {
            write!(f, "\n{} of contour left out", counted(self.open_chains, "open piece"))?;
        }
        let even_odd = self.layers.iter().filter(|layer| layer.fill == FillRule::EvenOdd).count();
        if even_odd > 0 {
            write!(
                f,
                "\n{} filled by even and odd: facets disagree about what is outside",
                counted(even_odd, "layer")
            )?;
        }
        let overlap = self.layers.iter().filter(|layer| layer.overlap_mm2 > 1e-9 * layer.area_mm2).count();
        if overlap > 0 {
            write!(f, "\nbodies overlap in {}: what they share counts once", counted(overlap, "layer"))?;
        }
        write!(
            f,
            "\nvolume {:.4} mm3 = {:.4} in the layers {:+.4} between them (midpoint rule) {:+.2e} unexplained",
            self.volume_mm3, self.layers_mm3, self.between_mm3, self.unexplained_mm3
        )
    }
}
