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

/// The job and the layer that [`stem`] made this of; `None` of what it never makes.
fn numbers(text: &str) -> Option<(u32, usize)> {
    let (job, layer) = text.strip_prefix("job")?.split_once("_layer")?;
    let numbers = (job.parse().ok()?, layer.parse().ok()?);
    (stem(numbers.0, numbers.1) == text).then_some(numbers)
}

/// The job that a file of the default layout belongs to.
pub fn job(file: &str) -> Option<u32> {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    Some(numbers(image_stem(name)?)?.0)
}

/// The name of an image, mask or temperature without what says which of these it is.
fn image_stem(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".png").or(name.strip_suffix(".tiff"))?;
    Some(stem.strip_suffix("_mask").unwrap_or(stem))
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
    image_stem(name.strip_suffix(PART).unwrap_or(name)).is_some_and(|stem| numbers(stem).is_some())
}

/// True for the name of a split.
pub fn is_split(name: &str) -> bool {
    Split::ALL.iter().any(|split| split.name() == name)
}

/// True for an image of a row, without its ending: `test/striation/job0012_layer0034`.
pub fn is_row(stem: &str) -> bool {
    match stem.split('/').collect::<Vec<_>>()[..] {
        [split, _, name] => is_split(split) && numbers(name).is_some(),
        _ => false,
    }
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
        for name in [
            "photo.png",
            "job0012_layer0034.jpg",
            "job12_layer0034.png",
            "job0012_layer.png",
            "job00012_layer0034.png",
            "job+012_layer0034.png",
            "job9999999999_layer0034.png",
            "",
        ] {
            assert!(!is_image(name), "{name}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for job in [0, 7, 9_999, 10_000, u32::MAX] {
            for layer in [0, 34, 9_999, 12_345] {
                let stem = stem(job, layer);
                assert_eq!(numbers(&stem), Some((job, layer)), "{stem}");
                for ending in [".png", "_mask.png", ".tiff"] {
                    let name = format!("{stem}{ending}");
                    assert!(is_image(&name) && is_image(&format!("{name}{PART}")), "{name}");
                    assert_eq!(super::job(&format!("test/striation/{name}")), Some(job), "{name}");
                }
                assert!(is_row(&format!("{}/{stem}", good(Split::History))), "{stem}");
                assert!(is_row(&format!("{}/{stem}", of_defect("striation")[0])), "{stem}");
                assert!(is_row(&format!("{}/{stem}", recording(job)[0])), "{stem}");
                assert!(!is_row(&format!("{}/{stem}", of_defect("striation")[1])), "{stem}");
                assert!(!is_row(&format!("{NOMINAL}/{stem}")), "{stem}");
            }
        }
    }
}
