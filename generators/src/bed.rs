//! Where copies of the parts lie on the bed.

use crate::stream::Stream;

/// How a part comes to lie on the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pose {
    /// The same in every job.
    Fixed {
        /// Centre of the bounding box in mm from the near left corner; found by the layout where `None`.
        at_mm: Option<[f64; 2]>,
        /// Counter-clockwise turn about that centre in degrees.
        rotation_deg: f64,
    },
    /// Any place and turn, anew in every job.
    Random,
}

/// How large the square is that the camera sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BedSize {
    /// As the scenario states it.
    Stated {
        /// How long and wide, in mm.
        side_mm: f64,
        /// Share of the side kept free along each edge.
        margin: f64,
    },
    /// As large as the parts need.
    Fit {
        /// Share of the side kept free along each edge.
        margin: f64,
    },
}

impl BedSize {
    /// The room of one bed that holds each of `loads`, one at a time.
    pub fn room(self, loads: &[Vec<Item>]) -> Room {
        match self {
            Self::Stated { side_mm, margin } => Room { side_mm, margin_mm: margin * side_mm },
            Self::Fit { margin } => {
                let sides_mm = loads.iter().map(|items| square_for(&cells(items)) / (1.0 - 2.0 * margin));
                let side_mm = sides_mm.fold(0.0, f64::max);
                Room { side_mm, margin_mm: margin * side_mm }
            }
        }
    }
}

/// The square that the camera sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Its side in mm.
    pub side_mm: f64,
    /// Kept free along each edge, in mm.
    pub margin_mm: f64,
}

/// One copy of a part, as the layout knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    /// Width (x) and depth (y) of the part's bounding box in mm, before it is turned.
    pub size_mm: [f64; 2],
    /// How it comes to lie.
    pub pose: Pose,
}

/// A turned rectangle on the bed: the bounding box of one copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Its centre in mm from the near left corner of the bed.
    pub centre_mm: [f64; 2],
    /// Counter-clockwise turn in degrees.
    pub rotation_deg: f64,
    /// Width and depth in mm before the turn.
    pub size_mm: [f64; 2],
}

/// Why a layout cannot be had; the numbers are indices into the items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayoutError {
    /// The item alone is larger than the bed.
    TooLarge {
        /// Which item.
        item: usize,
        /// The least side of a bed that would hold it, in mm.
        needed_mm: f64,
        /// The side of the bed in mm.
        room_mm: f64,
    },
    /// The item, where the scenario puts it, reaches over the edge.
    Outside(usize),
    /// The two items, where the scenario puts them, overlap.
    Overlap(usize, usize),
    /// Each would fit alone, but not all of them together.
    Crowded,
}

/// A bed that is known to hold all its items.
#[derive(Clone, Debug)]
pub struct Bed {
    room: Room,
    gap_mm: f64,
    items: Vec<Item>,
    /// A layout without overlap, for the fixed items in every job and for the others where chance fails.
    home: Vec<Place>,
}

/// Places tried for one item before the layout begins anew, and how often it may begin.
const TRIES: usize = 200;
const LAYOUTS: usize = 20;

impl Bed {
    /// Finds one layout without overlap.
    ///
    /// Items that nothing pins are packed in shelves, as discs where they may turn, and centred;
    /// where that does not fit, or something is pinned, places are tried at random.
    pub fn plan(items: &[Item], room: Room) -> Result<Self, LayoutError> {
        let (gap_mm, cells) = (gap_mm(items), cells(items));
        let room_mm = room.side_mm - 2.0 * room.margin_mm;
        for (item, cell) in cells.iter().enumerate() {
            let needed_mm = cell[0].max(cell[1]) - gap_mm;
            if needed_mm > room_mm * (1.0 + 1e-9) {
                return Err(LayoutError::TooLarge { item, needed_mm, room_mm });
            }
        }
        let mut bed = Self { room, gap_mm, items: items.to_vec(), home: Vec::new() };
        let pinned = |i: &Item| matches!(i.pose, Pose::Fixed { at_mm: Some(_), .. });
        bed.home = match shelves(&cells, room_mm + gap_mm) {
            Some(centres) if !items.iter().any(pinned) => (items.iter().zip(&centres))
                .map(|(item, c)| item.at(c.map(|x| x + room.side_mm / 2.0), item.rotation_deg()))
                .collect(),
            _ => bed.search()?,
        };
        Ok(bed)
    }

    /// The side of the square bed in mm.
    pub fn side_mm(&self) -> f64 {
        self.room.side_mm
    }

    /// Where each item lies in one job, in the order of the items; none overlap or reach over the edge.
    pub fn lay_out(&self, stream: &mut Stream) -> Vec<Place> {
        let placed: Vec<Option<Place>> = (self.items.iter().zip(&self.home))
            .map(|(i, home)| (i.pose != Pose::Random).then_some(*home))
            .collect();
        self.try_layouts(&placed, stream).unwrap_or_else(|| self.home.clone())
    }

    /// A layout around what the scenario pins.
    fn search(&self) -> Result<Vec<Place>, LayoutError> {
        let mut placed: Vec<Option<Place>> = vec![None; self.items.len()];
        for (index, item) in self.items.iter().enumerate() {
            if let Pose::Fixed { at_mm: Some(at_mm), rotation_deg } = item.pose {
                let place = item.at(at_mm, rotation_deg);
                if !place.within(self.room.side_mm, 0.0) {
                    return Err(LayoutError::Outside(index));
                }
                let overlaps = |other: &Option<Place>| other.is_some_and(|o| o.overlaps(&place, 0.0));
                if let Some(other) = placed.iter().position(overlaps) {
                    return Err(LayoutError::Overlap(other, index));
                }
                placed[index] = Some(place);
            }
        }
        self.try_layouts(&placed, &mut Stream::root(0).child("bed")).ok_or(LayoutError::Crowded)
    }

    /// Fills the gaps of `placed` by trying places at random; `None` where none was found.
    fn try_layouts(&self, placed: &[Option<Place>], stream: &mut Stream) -> Option<Vec<Place>> {
        (0..LAYOUTS).find_map(|_| {
            let mut placed = placed.to_vec();
            for (index, item) in self.items.iter().enumerate() {
                if placed[index].is_none() {
                    placed[index] = Some((0..TRIES).find_map(|_| self.try_place(item, &placed, stream))?);
                }
            }
            placed.into_iter().collect()
        })
    }

    fn try_place(&self, item: &Item, placed: &[Option<Place>], stream: &mut Stream) -> Option<Place> {
        let rotation_deg =
            if item.pose == Pose::Random { stream.uniform(0.0, 360.0) } else { item.rotation_deg() };
        let extent = item.at([0.0; 2], rotation_deg).extent_mm();
        let mut along = |axis: usize| {
            let low = self.room.margin_mm + extent[axis] / 2.0;
            stream.uniform(low, (self.room.side_mm - low).max(low))
        };
        let place = item.at([along(0), along(1)], rotation_deg);
        let free = |other: &Place| !other.overlaps(&place, self.gap_mm);
        (place.within(self.room.side_mm, self.room.margin_mm) && placed.iter().flatten().all(free))
            .then_some(place)
    }
}

impl Item {
    fn at(&self, centre_mm: [f64; 2], rotation_deg: f64) -> Place {
        Place { centre_mm, rotation_deg, size_mm: self.size_mm }
    }

    fn rotation_deg(&self) -> f64 {
        match self.pose {
            Pose::Fixed { rotation_deg, .. } => rotation_deg,
            Pose::Random => 0.0,
        }
    }

    /// The upright rectangle that holds the item in every turn that it may take.
    fn cell_mm(&self) -> [f64; 2] {
        match self.pose {
            Pose::Fixed { rotation_deg, .. } => self.at([0.0; 2], rotation_deg).extent_mm(),
            Pose::Random => [self.size_mm[0].hypot(self.size_mm[1]); 2],
        }
    }
}

impl Place {
    /// Directions of the rectangle's sides.
    fn axes(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = self.rotation_deg.to_radians().sin_cos();
        [[cos, sin], [-sin, cos]]
    }

    /// Half the length of the rectangle's shadow along `axis`.
    fn half_shadow(&self, axis: [f64; 2]) -> f64 {
        let [u, v] = self.axes().map(|a| (a[0] * axis[0] + a[1] * axis[1]).abs());
        (self.size_mm[0] * u + self.size_mm[1] * v) / 2.0
    }

    /// Width and depth of the upright rectangle around it, in mm.
    pub fn extent_mm(&self) -> [f64; 2] {
        [2.0 * self.half_shadow([1.0, 0.0]), 2.0 * self.half_shadow([0.0, 1.0])]
    }

    /// True where it keeps `margin_mm` from every edge of a bed of `side_mm`.
    pub fn within(&self, side_mm: f64, margin_mm: f64) -> bool {
        let slack = 1e-9 * side_mm;
        let extent = self.extent_mm();
        (0..2).all(|axis| {
            let (low, high) =
                (self.centre_mm[axis] - extent[axis] / 2.0, self.centre_mm[axis] + extent[axis] / 2.0);
            low >= margin_mm - slack && high <= side_mm - margin_mm + slack
        })
    }

    /// True where the two come closer than `gap_mm` (separating axes: a line between them exists
    /// along a side of one of them, or they overlap).
    pub fn overlaps(&self, other: &Self, gap_mm: f64) -> bool {
        let between = [other.centre_mm[0] - self.centre_mm[0], other.centre_mm[1] - self.centre_mm[1]];
        self.axes().into_iter().chain(other.axes()).all(|axis| {
            let distance = (between[0] * axis[0] + between[1] * axis[1]).abs();
            distance < self.half_shadow(axis) + other.half_shadow(axis) + gap_mm
        })
    }
}

/// How far items stay from each other, in mm.
fn gap_mm(items: &[Item]) -> f64 {
    let largest = items.iter().flat_map(|i| i.size_mm).fold(0.0, f64::max);
    if items.len() > 1 { 0.02 * largest } else { 0.0 }
}

/// The upright rectangles that hold the items in every turn, each with its share of the gaps.
fn cells(items: &[Item]) -> Vec<[f64; 2]> {
    let gap_mm = gap_mm(items);
    items.iter().map(|i| i.cell_mm().map(|s| s + gap_mm)).collect()
}

/// Packs upright rectangles in shelves no wider than `room_mm`, deepest first; their centres about
/// the middle of all shelves, or `None` where they need more than `room_mm` in depth.
fn shelves(cells: &[[f64; 2]], room_mm: f64) -> Option<Vec<[f64; 2]>> {
    let room_mm = room_mm * (1.0 + 1e-9);
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|&a, &b| cells[b][1].total_cmp(&cells[a][1]));
    let mut centres = vec![[0.0; 2]; cells.len()];
    let (mut shelf, mut width, mut top): (Vec<usize>, f64, f64) = (Vec::new(), 0.0, 0.0);
    let mut close = |shelf: &mut Vec<usize>, width: f64, top: &mut f64| {
        let depth = shelf.first().map_or(0.0, |&i| cells[i][1]);
        let mut x = -width / 2.0;
        for i in shelf.drain(..) {
            centres[i] = [x + cells[i][0] / 2.0, *top + depth / 2.0];
            x += cells[i][0];
        }
        *top += depth;
    };
    for i in order {
        if width + cells[i][0] > room_mm {
            close(&mut shelf, width, &mut top);
            width = 0.0;
        }
        width += cells[i][0];
        shelf.push(i);
    }
    close(&mut shelf, width, &mut top);
    let fits = top <= room_mm && cells.iter().all(|c| c[0] <= room_mm);
    fits.then(|| centres.into_iter().map(|[x, y]| [x, y - top / 2.0]).collect())
}

/// The side of a square that [`shelves`] can fill with `cells`, at most 2 % above the least.
fn square_for(cells: &[[f64; 2]]) -> f64 {
    let area: f64 = cells.iter().map(|c| c[0] * c[1]).sum();
    let mut side = cells.iter().flatten().copied().fold(area.sqrt(), f64::max);
    while side > 0.0 && side.is_finite() && shelves(cells, side).is_none() {
        side *= 1.02;
    }
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(size_mm: [f64; 2]) -> Item {
        Item { size_mm, pose: Pose::Fixed { at_mm: None, rotation_deg: 0.0 } }
    }

    fn plan(items: &[Item], size: BedSize) -> Result<Bed, LayoutError> {
        Bed::plan(items, size.room(&[items.to_vec()]))
    }

    fn assert_sound(bed: &Bed, places: &[Place]) {
        for (i, place) in places.iter().enumerate() {
            assert!(place.within(bed.side_mm(), 0.0), "{place:?}");
            assert!(places[..i].iter().all(|other| !other.overlaps(place, 0.0)), "{places:?}");
        }
    }

    #[test]
    fn one_part_lies_in_the_middle_of_a_bed_that_fits() {
        let bed = plan(&[fixed([40.0, 20.0])], BedSize::Fit { margin: 0.1 }).unwrap();
        assert!((bed.side_mm() - 50.0).abs() < 1e-9);
        let places = bed.lay_out(&mut Stream::root(1));
        assert!(places[0].centre_mm.iter().all(|c| (c - 25.0).abs() < 1e-9));
        assert_eq!(places[0].rotation_deg, 0.0);
    }

    #[test]
    fn one_bed_holds_loads_that_are_never_printed_together() {
        let loads = [vec![fixed([40.0, 20.0])], vec![fixed([10.0, 60.0]); 2]];
        let room = BedSize::Fit { margin: 0.1 }.room(&loads);
        let needed = |load: &Vec<Item>| plan(load, BedSize::Fit { margin: 0.1 }).unwrap().side_mm();
        assert_eq!(room.side_mm, loads.iter().map(needed).fold(0.0, f64::max));
        for load in &loads {
            let bed = Bed::plan(load, room).unwrap();
            assert_sound(&bed, &bed.lay_out(&mut Stream::root(1)));
        }
    }

    #[test]
    fn copies_never_overlap() {
        let turning = Item { size_mm: [30.0, 8.0], pose: Pose::Random };
        for (items, size) in [
            (vec![fixed([10.0, 20.0]); 7], BedSize::Stated { side_mm: 60.0, margin: 0.0 }),
            (vec![fixed([10.0, 20.0]); 5], BedSize::Fit { margin: 0.05 }),
            (vec![turning; 5], BedSize::Stated { side_mm: 100.0, margin: 0.0 }),
            (vec![turning, turning, fixed([20.0, 20.0])], BedSize::Fit { margin: 0.0 }),
        ] {
            let bed = plan(&items, size).unwrap();
            for job in 0..50 {
                assert_sound(&bed, &bed.lay_out(&mut Stream::root(1).item("job", job)));
            }
        }
    }

    #[test]
    fn random_poses_differ_between_jobs_and_turn_all_round() {
        let bed = plan(
            &[Item { size_mm: [30.0, 8.0], pose: Pose::Random }],
            BedSize::Stated { side_mm: 100.0, margin: 0.0 },
        )
        .unwrap();
        let turns: Vec<f64> =
            (0..400).map(|j| bed.lay_out(&mut Stream::root(1).item("job", j))[0].rotation_deg).collect();
        for quarter in 0..4 {
            let count = turns.iter().filter(|&&t| (t / 90.0) as usize == quarter).count();
            assert!((60..140).contains(&count), "{count}");
        }
    }

    #[test]
    fn impossible_layouts_are_told_apart() {
        let at = |x: f64| Item {
            size_mm: [10.0, 10.0],
            pose: Pose::Fixed { at_mm: Some([x, 50.0]), rotation_deg: 0.0 },
        };
        let plan = |items: &[Item]| plan(items, BedSize::Stated { side_mm: 100.0, margin: 0.0 }).err();
        assert_eq!(
            plan(&[fixed([20.0, 120.0])]),
            Some(LayoutError::TooLarge { item: 0, needed_mm: 120.0, room_mm: 100.0 })
        );
        let diagonal = Item { size_mm: [90.0, 120.0], pose: Pose::Random };
        assert_eq!(
            plan(&[diagonal]),
            Some(LayoutError::TooLarge { item: 0, needed_mm: 150.0, room_mm: 100.0 })
        );
        assert_eq!(plan(&[at(50.0), at(98.0)]), Some(LayoutError::Outside(1)));
        assert_eq!(plan(&[at(50.0), at(59.0)]), Some(LayoutError::Overlap(0, 1)));
        assert_eq!(plan(&[at(50.0), at(60.0)]), None);
        assert_eq!(plan(&[fixed([60.0, 60.0]), fixed([60.0, 60.0])]), Some(LayoutError::Crowded));
    }

    #[test]
    fn overlap_of_turned_rectangles_is_exact() {
        let place =
            |x: f64, rotation_deg: f64| Place { centre_mm: [x, 0.0], rotation_deg, size_mm: [2.0, 2.0] };
        // A diamond reaches sqrt(2) to the side, the square 1.
        let touching = 1.0 + 2f64.sqrt();
        assert!(place(0.0, 0.0).overlaps(&place(touching - 1e-6, 45.0), 0.0));
        assert!(!place(0.0, 0.0).overlaps(&place(touching + 1e-6, 45.0), 0.0));
    }
}
