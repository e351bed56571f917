//! What every registered projection has to keep.

use std::path::Path;

use generators::params::Table;
use generators::registry::{build, contract};
use generators::stream::Stream;

use super::{KINDS, Projection};
use crate::representations::{Matrix, RepresentationError};

fn built(text: &str) -> Box<dyn Projection> {
    build(KINDS, Table::parse("s.toml", text).unwrap()).unwrap_or_else(|e| panic!("{e}")).1
}

/// Each kind as its example states it, with defaults, and with every choice of the number of components.
fn all() -> Vec<(String, Box<dyn Projection>)> {
    let texts = |name: &str, example: &str| {
        ["", example, "components = 3", "choice = \"parallel\"", "choice = \"oracle\""]
            .map(|rest| format!("kind = \"{name}\"\n{rest}"))
    };
    KINDS.iter().flat_map(|k| texts(k.name, k.example)).map(|text| (text.clone(), built(&text))).collect()
}

/// Rows that differ along three directions, and a little in every column.
fn three_directions(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut stream = Stream::root(0);
    let loadings: Vec<f64> = (0..3 * columns).map(|_| stream.normal()).collect();
    let mut stream = Stream::root(seed);
    let values = (0..rows).flat_map(|_| {
        let heights = [2.0, 1.5, 1.0].map(|size| size * stream.normal());
        let row = (0..columns).map(|j| {
            let sum: f64 = (0..3).map(|k| heights[k] * loadings[k * columns + j]).sum();
            (sum + 0.1 * stream.normal()) as f32
        });
        row.collect::<Vec<f32>>()
    });
    Matrix::new(rows, columns, values.collect())
}

#[test]
fn every_kind_is_registered_and_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/representations/projections");
    // A number of components and how it is chosen exclude each other, and so do the two measures of a kernel.
    let alternatives = ["components", "choice", "explained", "gamma", "scale"];
    assert_eq!(contract::check(KINDS, &folder, &alternatives), Ok(()));
}

#[test]
fn shares_fall_and_rows_that_were_not_fitted_find_their_place() {
    for (text, projection) in all() {
        for columns in [12, 90] {
            let all = three_directions(80, columns, 1);
            let fit = all.select(&(0..60).collect::<Vec<_>>());
            let projected = projection.fit(fit.clone(), &Stream::root(2)).unwrap();
            let ratio = projected.explained_variance_ratio();
            assert!(ratio.windows(2).all(|pair| pair[0] >= pair[1]), "{text}: {ratio:?}");
            assert!(ratio.iter().all(|r| *r > 0.0) && ratio.iter().sum::<f64>() < 1.0 + 1e-9, "{text}");
            let (together, alone) = (projected.transform(&all).unwrap(), projected.transform(&fit).unwrap());
            assert_eq!((together.rows, together.columns), (80, ratio.len()), "{text}");
            assert!(together.values.iter().all(|x| x.is_finite()), "{text}");
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
            assert!(alone.values.iter().zip(&together.values).all(near), "{text}");
            assert!(projected.fitted().values.iter().zip(&alone.values).all(near), "{text}");
            let other = Matrix::column(vec![1.0]);
            let error = projected.transform(&other).unwrap_err();
            assert_eq!(error, RepresentationError::Columns { expected: columns, found: 1 }, "{text}");
        }
    }
}

#[test]
fn shuffling_finds_what_is_there_and_nothing_where_nothing_is() {
    let mut stream = Stream::root(3);
    let noise = Matrix::new(100, 30, (0..3000).map(|_| stream.normal() as f32).collect());
    for kind in KINDS {
        let projection = built(&format!("kind = \"{}\"\nchoice = \"parallel\"", kind.name));
        let fit = |rows: &Matrix| projection.fit(rows.clone(), &Stream::root(4));
        let found = fit(&three_directions(100, 30, 5)).unwrap().explained_variance_ratio().len();
        // In the space of a kernel the three directions are bent, and need more.
        let enough = if kind.name == "pca" { found == 3 } else { found >= 3 };
        assert!(enough, "{}: {found}", kind.name);
        assert_eq!(fit(&noise).err(), Some(RepresentationError::NoneStandsOut), "{}", kind.name);
    }
}

#[test]
fn the_same_stream_gives_the_same_projection_at_any_thread_count() {
    let rows = three_directions(50, 70, 6);
    for (text, projection) in all() {
        let run = || projection.fit(rows.clone(), &Stream::root(7)).unwrap().transform(&rows).unwrap();
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let once = run();
        assert_eq!(once, pool(1).install(run), "{text}");
        assert_eq!(once, pool(3).install(run), "{text}");
    }
}

#[test]
fn poor_input_is_refused_by_name() {
    for (text, projection) in all() {
        let fit = |rows: Matrix| projection.fit(rows, &Stream::root(8)).err();
        assert_eq!(
            fit(Matrix::column(vec![1.0])),
            Some(RepresentationError::TooFewRows { needed: 2, found: 1 }),
            "{text}"
        );
        let bad = Matrix::column(vec![1.0, f32::NAN, 2.0, 3.0, 4.0]);
        assert_eq!(fit(bad), Some(RepresentationError::NotFinite { row: 1 }), "{text}");
        let constant = Matrix::new(20, 4, vec![0.7; 80]);
        assert_eq!(fit(constant), Some(RepresentationError::Constant), "{text}");
    }
}
