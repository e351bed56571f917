//! A slice as a drawing.

use std::fmt::Write;

use super::{Bounds, FillRule, Slice};

/// One SVG document in mm, as large as the part seen from above: x to the right, y upwards.
pub fn svg(slice: &Slice, bounds: &Bounds) -> String {
    let [width, height, _] = bounds.size();
    // Seven digits of the part's size.
    let digits = (6.0 - width.max(height).log10().floor()).clamp(0.0, 17.0) as usize;
    let mut path = String::new();
    for contour in &slice.contours {
        for (i, [x, y]) in contour.points.iter().enumerate() {
            let (x, y) = (x - bounds.min[0], bounds.max[1] - y);
            let command = if i == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{command}{x:.digits$} {y:.digits$}");
        }
        path.push('Z');
    }
    let rule = match slice.fill {
        FillRule::NonZero => "nonzero",
        FillRule::EvenOdd => "evenodd",
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
         viewBox=\"0 0 {width} {height}\">\n<title>z = {} mm</title>\n<path fill-rule=\"{rule}\" d=\"{path}\"/>\n</svg>\n",
        slice.z_mm
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Contour;

    #[test]
    fn y_points_upwards_and_holes_stay_holes() {
        let bounds = Bounds { min: [10.0, 20.0, 0.0], max: [12.0, 23.0, 1.0] };
        let mut slice = Slice::empty(0.5, [11.0, 21.5]);
        slice.contours = vec![Contour { points: vec![[10.0, 20.0], [12.0, 20.0], [11.0, 22.5]] }];
        assert_eq!(
            svg(&slice, &bounds),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"2mm\" height=\"3mm\" viewBox=\"0 0 2 3\">\n\
             <title>z = 0.5 mm</title>\n\
             <path fill-rule=\"nonzero\" d=\"M0.000000 3.000000L2.000000 3.000000L1.000000 0.500000Z\"/>\n</svg>\n"
        );
    }
}
