//! The ranges as a part of a scenario, and as a table for people.

use std::fmt::Write;

use super::texture::{LEAST_GRAIN, OCTAVES};
use super::{Calibration, InCommon, Options, Parameter, Scale};

/// The bed that sizes are stated for where nobody says how large it is, in mm.
pub(super) const BED_MM: f64 = 100.0;

/// How the file of ranges begins.
pub const HEAD: &str = "# Ranges fitted to";

impl Calibration {
    /// The tables `camera`, `bed`, `print` and `thermal` of a scenario; what the images do not tell is a comment.
    pub fn to_toml(&self, options: &Options) -> String {
        let mut text = format!(
            "{HEAD} {} images, {} of them with two classes. After each range stands what was seen: the\n\
             # number of images (sequences, for retain), their least, median and greatest value, the share of them\n\
             # that the range covers, and the share of the way from the least to the greatest.\n",
            self.images, self.with_two_classes
        );
        if let Some(line) = self.what_is_shared() {
            let _ = writeln!(text, "# {line}.");
        }
        let Scale { range_c: [low, high], invert, .. } = options.scale;
        let warm = if invert { "black" } else { "white" };
        let _ = write!(
            text,
            "\n[camera]\nimage_px = {}\nrange_c = [{low:?}, {high:?}]\ninvert = {invert} # {warm} was taken for warm\nbits = {}\n",
            self.image_px, self.bits
        );
        self.put(&mut text, &["camera.blur_px"]);
        self.table(&mut text, "camera.vignette", &[], &["corner_loss", "centre_x", "centre_y", "steepness"]);
        self.table(&mut text, "camera.pattern", &[], &["pixel_c", "column_c"]);
        self.table(&mut text, "camera.noise", &[], &["read_c", "shot_c"]);
        let size = match options.bed_mm {
            Some(bed_mm) => format!("size_mm = {bed_mm:?}"),
            None => format!("# sizes are for a bed of {BED_MM} mm; --bed-mm states another"),
        };
        for (surface, name) in ["bed", "print"].into_iter().enumerate() {
            let first = if surface == 0 { vec![size.clone()] } else { Vec::new() };
            self.table(&mut text, name, &first, &["temperature_c"]);
            self.table(
                &mut text,
                &format!("{name}.texture"),
                &self.texture(surface),
                &["amplitude_c", "feature_mm"],
            );
        }
        self.table(&mut text, "thermal", &[], &["retain"]);
        if let Some(along) = self.shading {
            let fixed = [
                "# shading: a lamp whose light grows along its travel".to_owned(),
                format!("along = \"{along}\""),
            ];
            self.table(&mut text, "thermal.lamp", &fixed, &["rise_c", "gradient"]);
        }
        text
    }

    /// One line per parameter.
    pub fn to_table(&self) -> String {
        let mut text = format!(
            "{} images, {} with two classes, {} px\n{:<28}{:>8}{:>11}{:>11}{:>11}  {:<24}{:>8}{:>8}\n",
            self.images,
            self.with_two_classes,
            self.image_px,
            "parameter",
            "values",
            "least",
            "median",
            "greatest",
            "range",
            "covers",
            "spread"
        );
        for Parameter { name, range } in &self.parameters {
            let _ = match range {
                Ok(r) => writeln!(
                    text,
                    "{name:<28}{:>8}{:>11.4}{:>11.4}{:>11.4}  {:<24}{:>7.0}%{:>7.0}%",
                    r.values,
                    r.seen[0],
                    r.seen[1],
                    r.seen[2],
                    format!("{} to {}", r.low, r.high),
                    100.0 * r.covered,
                    100.0 * r.spread
                ),
                Err(why) => writeln!(text, "{name:<28}  cannot be told from these images: {why}"),
            };
        }
        text += &self.what_is_shared().unwrap_or_default();
        text.trim_end().to_owned()
    }

    fn what_is_shared(&self) -> Option<String> {
        let InCommon { of_image, shading, pattern } = self.in_common?;
        let [of_image, shading, pattern, rest] =
            [of_image, shading, pattern, 1.0 - shading - pattern].map(|share| 100.0 * share);
        Some(format!(
            "all images share {of_image:.1} % of their variance from place to place: {shading:.1} % of that is shading, \
             {pattern:.1} % the sensor's pattern, and {rest:.1} % stands in the photographs alone"
        ))
    }

    /// What kind of texture it is; a scenario has to say it even where no image does.
    fn texture(&self, surface: usize) -> Vec<String> {
        let Some(texture) = self.textures[surface] else { return vec!["kind = \"flat\"".to_owned()] };
        let mut lines = if texture.grain_share < LEAST_GRAIN {
            vec!["kind = \"cloud\"".to_owned()]
        } else {
            vec!["kind = \"grain\"".to_owned(), format!("grain_share = {:.2}", texture.grain_share)]
        };
        lines.push(format!("octaves = {}", OCTAVES));
        lines.push(format!("persistence = {:?}", texture.persistence));
        lines
    }

    /// A table with lines that stand as they are and with ranges; a comment where it would say nothing.
    fn table(&self, text: &mut String, name: &str, fixed: &[String], keys: &[&str]) {
        let names: Vec<String> = keys.iter().map(|key| format!("{name}.{key}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let told = self.parameters.iter().any(|p| names.contains(&p.name.as_str()) && p.range.is_ok());
        let _ = writeln!(text, "\n{}[{name}]", if told || !fixed.is_empty() { "" } else { "# " });
        fixed.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        self.put(text, &names);
    }

    fn put(&self, text: &mut String, names: &[&str]) {
        for Parameter { name, range } in self.parameters.iter().filter(|p| names.contains(&p.name.as_str())) {
            let key = name.rsplit('.').next().unwrap_or(name);
            let _ = match range {
                Ok(r) => writeln!(
                    text,
                    "{key} = {{ uniform = [{:?}, {:?}] }}  # {}: {:.4} {:.4} {:.4}; covers {:.0} % of them, {:.0} % of the spread",
                    r.low,
                    r.high,
                    r.values,
                    r.seen[0],
                    r.seen[1],
                    r.seen[2],
                    100.0 * r.covered,
                    100.0 * r.spread
                ),
                Err(why) => writeln!(text, "# {key} cannot be told from these images: {why}"),
            };
        }
    }
}
