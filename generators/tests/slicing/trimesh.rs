//! Contour counts and areas against trimesh.
//!
//! Made with Python 3.11, trimesh 5.2.0, shapely 2.2.0, numpy 2.4.6 by:
//!
//! ```python
//! import trimesh
//! from shapely.ops import unary_union
//! m = trimesh.load_mesh("featuretype.STL"); z0, z1 = m.bounds[:, 2]
//! for k in range(4, 200, 12):
//!     z = z0 + (k + .5) * (z1 - z0) / 200
//!     p = m.section_multiplane([0, 0, 0], [0, 0, 1], [z])[0]
//!     print((k, len(p.discrete), sum(g.area for g in p.polygons_full)))
//! for f in ("counter.unitsmm.STL", "box.STL"):  # solids in solids: body by body, then the union
//!     m = trimesh.load_mesh(f); z0, z1 = m.bounds[:, 2]; bodies = m.split(only_watertight=False)
//!     for k in (0, 60, 100, 150, 180, 190, 196, 199):
//!         z = z0 + (k + .5) * (z1 - z0) / 200; u = []
//!         for b in bodies:
//!             p = b.section_multiplane([0, 0, 0], [0, 0, 1], [z])[0]
//!             if p is not None: u += list(p.polygons_full)
//!         print((k, unary_union(u).area))
//! ```

use generators::mesh::slice;

use crate::real;
use crate::solids::close;

#[rustfmt::skip]
const FEATURETYPE: &[(usize, usize, f64)] = &[
    (4, 9, 10.885024367083957), (16, 9, 11.091274367083958), (28, 9, 11.297524367083954),
    (40, 9, 11.503774367083958), (52, 10, 11.033712130658191), (64, 10, 10.987954689742043),
    (76, 10, 10.303295579457217), (88, 10, 10.461172072219483), (100, 10, 10.82208808391927),
    (112, 9, 10.252268813261846), (124, 9, 9.68395192323842), (136, 10, 9.43395192329531),
    (148, 1, 3.1249999999999996), (160, 1, 3.125), (172, 4, 2.2576557268099897),
    (184, 4, 2.25765572680999), (196, 4, 2.25765572680999),
];

#[test]
fn featuretype_has_trimeshs_contours_and_areas() {
    let Some(part) = real::mesh("trimesh/featuretype.STL") else { return };
    let slices = slice(&part, &real::two_hundred(&part));
    assert_eq!(slices.iter().map(|s| s.contours.len()).sum::<usize>(), 1522);
    for &(k, contours, area) in FEATURETYPE {
        assert_eq!(slices[k].contours.len(), contours, "layer {k}");
        // trimesh joins vertices by another tolerance.
        close(slices[k].area_mm2(), area, 1e-6);
    }
}

#[test]
fn solids_in_solids_have_the_area_of_their_union() {
    for (name, contours, areas) in [
        (
            "trimesh/counter.unitsmm.STL",
            3745,
            &[
                (0, 81.8362285312623),
                (100, 119.36426593977811),
                (150, 70514.94425912759),
                (190, 68811.32251997903),
                (196, 67807.78613792223),
                (199, 66724.32229534196),
            ][..],
        ),
        (
            "trimesh/box.STL",
            1234,
            &[
                (60, 2.414486119786872),
                (100, 2.123752323077357),
                (150, 2.250023445178037),
                (180, 2.7149436712322133),
            ],
        ),
    ] {
        let Some(part) = real::mesh(name) else { return };
        let slices = slice(&part, &real::two_hundred(&part));
        assert_eq!(slices.iter().map(|s| s.contours.len()).sum::<usize>(), contours);
        for &(k, area) in areas {
            close(slices[k].area_mm2(), area, 1e-9);
        }
    }
}
