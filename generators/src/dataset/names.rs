//! What files and folders are called; `/` between names on every system.

use std::path::{Component, Path};

use super::Split;
use super::files::PART;

/// Where the nominal slices are.
pub const NOMINAL: &str = "nominal";

/// Where the temperatures are, in folders like those of the images.
pub const TEMPERATURE: &str = "temperature";

/// Where the parts are.
pub const PARTS: &str = "parts";

/// `job0012_layer0034`: says nothing of the label.
pub fn stem(job: u32, layer: usize) -> String {
    format!("job{job:04}_layer{layer:04}")
}

/// The job that a file of the default layout belongs to.
pub fn job(file: &str) -> Option<u32> {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.strip_prefix("job")?.split_once('_')?.0.parse().ok()
}

/// The folder of the healthy images of a split.
pub fn good(split: Split) -> String {
    format!("{}/good", split.name())
}

/// The folders of one defect's images, footprints and change maps.
pub fn of_defect(defect: &str) -> [String; 3] {
    [format!("test/{defect}"), format!("ground_truth/{defect}"), format!("change/{defect}")]
}

/// The folder of the recording of one screening job, and that of its masks. Neither says anything of
/// the label.
pub fn recording(job: u32) -> [String; 2] {
    [format!("screening/job{job:04}"), format!("screening_masks/job{job:04}")]
}

/// True for the name of an image that a dataset may hold, finished or not.
pub fn is_image(name: &str) -> bool {
    let name = name.strip_suffix(PART).unwrap_or(name);
    let Some(stem) = name.strip_suffix(".png").or(name.strip_suffix(".tiff")) else { return false };
    let stem = stem.strip_suffix("_mask").unwrap_or(stem);
    let digits = |s: &str| s.len() >= 4 && s.bytes().all(|b| b.is_ascii_digit());
    (stem.strip_prefix("job").and_then(|rest| rest.split_once("_layer")))
        .is_some_and(|(job, layer)| digits(job) && digits(layer))
}

/// True for a relative path that leads nowhere but down.
pub fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_from_other_files() {
        for name in ["job0012_layer0034.png", "job0012_layer0034_mask.png", "job12345_layer0000.png.part"] {
            assert!(is_image(name), "{name}");
        }
        for name in ["photo.png", "job0012_layer0034.jpg", "job12_layer0034.png", "job0012_layer.png", ""] {
            assert!(!is_image(name), "{name}");
        }
        assert!(is_image(&format!("{}.png", stem(7, 12_345))));
    }
}
