//! Somebody reaches into the machine.

use super::Fault;
use super::silhouette::Silhouette;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::quantile::upper_median;
use crate::registry::Kind;

/// An arm or a tool that comes in over an edge.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "hand",
    summary: "an arm with a hand, or a tool, reaches into the image",
    source: "own; Zeiser et al. 2023, section 4.1, names human interference",
    example: "\
object = \"either\"
reach = { uniform = [0.35, 0.9] }
breadth = { uniform = [0.14, 0.24] }
contrast = { uniform = [0.15, 0.45] }
warmth = \"either\"
",
    build: |table| {
        Ok(Box::new(Hand {
            tool: match table.choice("object", Some(2), &["hand", "tool", "either"])? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            reach: table.param("reach", Param::uniform(0.35, 0.9), 0.0..=2.0)?,
            breadth: table.param("breadth", Param::uniform(0.14, 0.24), 0.01..=1.0)?,
            contrast: table.param("contrast", Param::uniform(0.15, 0.45), 0.0..=0.5)?,
            sign: match table.choice("warmth", Some(2), &["brighter", "darker", "either"])? {
                0 => Some(1.0),
                1 => Some(-1.0),
                _ => None,
            },
        }))
    },
};

struct Hand {
    /// A tool or a hand, `None` either.
    tool: Option<bool>,
    /// How far from the edge the tip is.
    reach: Param,
    /// Breadth of the palm.
    breadth: Param,
    /// Difference to the image's median level.
    contrast: Param,
    /// 1 brighter than the image, -1 darker, `None` either.
    sign: Option<f64>,
}

/// Where and how it lies, in shares of the image's side.
struct Pose {
    entry: [f64; 2],
    angle: f64,
    reach: f64,
}

impl Pose {
    /// In over a random point of the border, about towards the middle.
    fn draw(reach: f64, draws: &Draws) -> Self {
        let mut place = draws.steady_stream("place");
        let along = place.uniform(0.2, 0.8);
        let entry = [[along, 0.0], [along, 1.0], [0.0, along], [1.0, along]][place.below(4)];
        let angle = (0.5 - entry[1]).atan2(0.5 - entry[0]) + place.uniform(-0.35, 0.35);
        // Nobody holds still for as long as a layer takes.
        let mut tremor = draws.layer_stream("tremor");
        let entry = entry.map(|c| if c == 0.0 || c == 1.0 { c } else { c + tremor.uniform(-0.03, 0.03) });
        Self { entry, angle: angle + tremor.uniform(-0.08, 0.08), reach: reach * tremor.uniform(0.9, 1.1) }
    }
}

impl Fault for Hand {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        /// Width of the soft rim.
        const RIM_PX: f64 = 1.5;
        /// Share of the contrast at the rim; the body is warmer (or colder) where it is thicker.
        const THIN: f64 = 0.65;
        let mut shape = draws.steady_stream("shape");
        let tool = self.tool.unwrap_or_else(|| shape.chance(0.5));
        let silhouette = if tool {
            Silhouette::tool(shape.uniform(1.0, 2.0))
        } else {
            Silhouette::hand(shape.unit(), shape.uniform(0.75, 1.0), shape.sign())
        };
        draws.note("tool", f64::from(u8::from(tool)));
        let pose = Pose::draw(draws.draw("reach", &self.reach), draws);
        let breadth = draws.draw("breadth", &self.breadth);
        let contrast = draws.draw("contrast", &self.contrast);
        let white = f64::from(image.depth.white());
        let median = f64::from(upper_median(image.values.iter().copied()).unwrap_or(0)) / white;
        let sign = self.sign.unwrap_or_else(|| draws.steady_stream("warmth").sign());
        // Where the scale ends before the contrast is reached it goes the other way.
        let sign = if (0.0..=1.0).contains(&(median + sign * contrast)) { sign } else { -sign };
        draws.note("sign", sign);
        let (sin, cos) = pose.angle.sin_cos();
        let side = image.size_px as f64;
        for (i, value) in image.values.iter_mut().enumerate() {
            let centre = [(i % image.size_px) as f64 + 0.5, (i / image.size_px) as f64 + 0.5];
            let [x, y] = [0, 1].map(|k| centre[k] / side - pose.entry[k]);
            let along = (x * cos + y * sin - pose.reach) / breadth + silhouette.length;
            let across = (y * cos - x * sin) / breadth;
            let distance = silhouette.distance([along, across]);
            let covered = (0.5 - distance * breadth * side / RIM_PX).clamp(0.0, 1.0);
            if covered > 0.0 {
                let thickness = (-distance / 0.3).clamp(0.0, 1.0);
                let body = median + sign * contrast * (THIN + (1.0 - THIN) * thickness);
                let mixed = covered * body + (1.0 - covered) * f64::from(*value) / white;
                *value = super::level(image.depth, mixed);
            }
        }
    }
}
