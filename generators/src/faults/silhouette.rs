//! Outlines of what reaches into the image, as signed distances.

/// A limb: the points within a radius of a line, the radius changing evenly along it.
struct Limb {
    ends: [[f64; 2]; 2],
    radii: [f64; 2],
}

impl Limb {
    /// Signed distance to the surface, negative inside.
    fn distance(&self, [x, y]: [f64; 2]) -> f64 {
        let [[ax, ay], [bx, by]] = self.ends;
        let (dx, dy) = (bx - ax, by - ay);
        let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(f64::MIN_POSITIVE);
        let t = along.clamp(0.0, 1.0);
        (x - ax - t * dx).hypot(y - ay - t * dy) - (self.radii[0] + t * (self.radii[1] - self.radii[0]))
    }
}

/// Something long that enters the image, in a plane of its own: it lies along `u`, the wrist at the
/// origin, the tip at positive `u`; lengths are in breadths of the palm.
pub(super) struct Silhouette {
    limbs: Vec<Limb>,
    /// Where the tip is.
    pub length: f64,
}

/// How softly limbs grow together.
const WEB: f64 = 0.05;
/// Back from the wrist the arm goes on for longer than any image is wide.
const ENDLESS: f64 = 100.0;

impl Silhouette {
    /// An arm with a hand, the fingers spread by `spread` (0: held together, 1: wide) and stretched
    /// by `stretch` (1: fully); `side` 1 or -1 tells where the thumb is.
    ///
    /// Proportions after the hand's: fingers a little shorter than the palm is broad, the middle one the longest.
    pub fn hand(spread: f64, stretch: f64, side: f64) -> Self {
        /// Knuckle beside the axis, length, and direction in degrees where the hand is spread.
        const FINGERS: [[f64; 3]; 4] =
            [[0.35, 0.82, 12.0], [0.12, 0.94, 3.0], [-0.12, 0.88, -5.0], [-0.34, 0.68, -16.0]];
        let limb = |ends, radii| Limb { ends, radii };
        let mut limbs = vec![
            limb([[-ENDLESS, 0.0], [-2.5, 0.0]], [0.48; 2]),
            limb([[-2.5, 0.0], [0.0, 0.0]], [0.48, 0.3]),
        ];
        for [beside, length, degrees] in FINGERS {
            let knuckle = [0.95, side * beside];
            limbs.push(limb([[0.1, side * 0.3 * beside], knuckle], [0.28, 0.15]));
            let angle = (degrees * (0.4 + spread)).to_radians();
            let tip = [
                knuckle[0] + stretch * length * angle.cos(),
                knuckle[1] + side * stretch * length * angle.sin(),
            ];
            limbs.push(limb([knuckle, tip], [0.12, 0.09]));
        }
        let joint = [0.62, side * (0.5 + 0.12 * spread)];
        let tip = [joint[0] + 0.42, joint[1] + side * (0.06 + 0.22 * spread)];
        limbs.push(limb([[0.15, side * 0.15], joint], [0.24, 0.14]));
        limbs.push(limb([joint, tip], [0.13, 0.1]));
        Self { limbs, length: 0.95 + stretch * 0.94 + 0.09 }
    }

    /// A rod with a blade across its end, `breadth` wide.
    pub fn tool(breadth: f64) -> Self {
        let rod = Limb { ends: [[-ENDLESS, 0.0], [1.0, 0.0]], radii: [0.13; 2] };
        let blade = Limb { ends: [[1.0, -0.5 * breadth], [1.0, 0.5 * breadth]], radii: [0.11; 2] };
        Self { limbs: vec![rod, blade], length: 1.11 }
    }

    /// Signed distance to the outline, negative inside.
    pub fn distance(&self, point: [f64; 2]) -> f64 {
        let limbs = self.limbs.iter().map(|limb| limb.distance(point));
        limbs.reduce(|a, b| soft_least(a, b, WEB)).unwrap_or(f64::INFINITY)
    }
}

/// The lesser of two numbers, rounded off where they are within `width` of each other.
fn soft_least(a: f64, b: f64, width: f64) -> f64 {
    let overlap = (width - (a - b).abs()).max(0.0) / width;
    a.min(b) - 0.25 * width * overlap * overlap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_has_five_fingers_and_an_arm() {
        for side in [1.0, -1.0] {
            let hand = Silhouette::hand(1.0, 1.0, side);
            let inside = |u: f64, v: f64| hand.distance([u, side * v]) < 0.0;
            // Across the fingers, across the thumb, across the arm.
            let pieces = |u: f64| {
                let line: Vec<bool> = (-300..300).map(|i| inside(u, f64::from(i) * 0.005)).collect();
                line.windows(2).filter(|w| !w[0] && w[1]).count()
            };
            assert_eq!([pieces(1.6), pieces(0.98), pieces(0.4), pieces(-3.0)], [4, 2, 1, 1]);
            assert!(!inside(hand.length + 0.01, 0.12) && inside(hand.length - 0.08, 0.16));
        }
    }

    #[test]
    fn a_limb_is_as_thick_as_its_radii_say() {
        let limb = Limb { ends: [[0.0, 0.0], [2.0, 0.0]], radii: [0.5, 0.1] };
        for (point, expected) in [([0.0, 0.7], 0.2), ([1.0, 0.3], 0.0), ([2.3, 0.0], 0.2), ([-1.0, 0.0], 0.5)]
        {
            assert!((limb.distance(point) - expected).abs() < 1e-12, "{point:?}");
        }
    }
}
