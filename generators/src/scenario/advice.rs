//! Parts, beds and images that do not go together: what is wrong, in numbers, and what would do.

use super::{Part, Result, Scenario};
use crate::bed::{BedSize, LayoutError, Pose};
use crate::layer::Frame;
use crate::mesh::Unit;
use crate::params::ScenarioError;

/// A part's smaller side has to be at least this many pixels long: a thin wall that stands on edge still shows.
const LEAST_PART_PX: f64 = 3.0;

impl Scenario {
    /// Names the units in which the part would be thick enough and small enough.
    pub(super) fn with_other_unit(
        &self,
        part: &Part,
        size_mm: [f64; 3],
        error: Box<ScenarioError>,
    ) -> Box<ScenarioError> {
        let most_mm = match self.bed_size {
            BedSize::Stated { side_mm, .. } => side_mm,
            BedSize::Fit { .. } => 2000.0,
        };
        let suits = |size: &[f64; 3]| {
            let across_mm =
                if part.pose == Pose::Random { size[0].hypot(size[1]) } else { size[0].max(size[1]) };
            (self.layers.height_mm..=2000.0).contains(&size[2]) && across_mm <= most_mm
        };
        let scaled = |unit: Unit| size_mm.map(|length| length * unit.millimetres() / part.unit.millimetres());
        let units = Unit::ALL.into_iter().filter(|&u| u != part.unit && suits(&scaled(u)));
        let advice: Vec<String> = units
            .map(|u| format!("unit = \"{}\" would make it {}", u.name(), millimetres(scaled(u))))
            .collect();
        if advice.is_empty() { error } else { error.with_help(advice.join(", ")) }
    }

    /// Says why the copies do not lie on the bed: which part each is a copy of, and how large the parts are.
    pub(super) fn layout_error(
        &self,
        error: LayoutError,
        copies: &[usize],
        sizes_mm: &[[f64; 3]],
    ) -> Box<ScenarioError> {
        let place = |item: usize| &self.parts[copies[item]].file_place;
        let size = |item: usize| sizes_mm[copies[item]];
        match error {
            LayoutError::TooLarge { item, needed_mm, room_mm } => {
                let turned = match self.parts[copies[item]].pose {
                    Pose::Random => ", which has to hold it in every turn",
                    Pose::Fixed { .. } => "",
                };
                let what = format!(
                    "the part is {}: larger than the bed of {} mm{turned}",
                    millimetres(size(item)),
                    short(room_mm)
                );
                let part = &self.parts[copies[item]];
                let error = self.with_other_unit(part, size(item), place(item).error(what));
                match &error.help {
                    Some(_) => error,
                    None => error.with_help(format!("[bed] size_mm = {} would hold it", needed_mm.ceil())),
                }
            }
            LayoutError::Outside(item) => place(item)
                .error(format!(
                    "the part is {} and, at `at_mm`, reaches over the bed",
                    millimetres(size(item))
                ))
                .with_help("`at_mm` is the middle of its bounding box, from the near left corner of the bed"),
            LayoutError::Overlap(first, second) => place(second)
                .error(format!("this part overlaps the one in {}", self.parts[copies[first]].file.display()))
                .with_help("choose `at_mm` further apart, or leave it out"),
            LayoutError::Crowded => self
                .bed_place
                .error(format!("the bed does not hold all {} copies of the parts", copies.len()))
                .with_help("raise [bed] size_mm, or write fit = true instead"),
        }
    }

    /// Sees that each part is large enough in the image.
    pub(super) fn check_part_px(&self, sizes_mm: &[[f64; 3]], frame: &Frame) -> Result<()> {
        for (part, &[width, depth, _]) in self.parts.iter().zip(sizes_mm) {
            let px = width.min(depth) * frame.px_per_mm;
            if px >= LEAST_PART_PX {
                continue;
            }
            let needed = (LEAST_PART_PX * frame.size_px as f64 / px).ceil();
            let what = format!(
                "the image is too small for the part in {}: its {} mm are {} of {} px, and it takes {LEAST_PART_PX}",
                part.file.display(),
                short(width.min(depth)),
                short(px),
                frame.size_px
            );
            let help = if needed <= 4096.0 {
                format!("image_px = {needed} would do")
            } else {
                "no image_px up to 4096 would do: make the bed smaller".to_owned()
            };
            return Err(self.image_place.error(what).with_help(help));
        }
        Ok(())
    }
}

/// `47 x 14 x 3.5 mm high`.
pub(super) fn millimetres(size_mm: [f64; 3]) -> String {
    let [width, depth, height] = size_mm.map(short);
    format!("{width} x {depth} x {height} mm high")
}

/// A number to three significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
