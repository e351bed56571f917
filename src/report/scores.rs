//! What every detector and separator said of every test image, as Parquet: enough to compute any figure again.

use std::sync::Arc;

use generators::parquet::{column, put};
use parquet::basic::Type as Physical;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::measures::{score_name, with};
use super::record::{Calls, Record, Shift, ShiftPoint, TestImage};

/// The scores' file inside the run's folder.
pub const FILE: &str = "scores.parquet";
/// The file of the scores on shifts inside the run's folder.
pub const SHIFTS_FILE: &str = "shift_scores.parquet";
/// The separators' file inside the run's folder.
pub const CALLS_FILE: &str = "calls.parquet";

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// What one training says of every row by one score.
struct Column {
    name: String,
    /// Whether rows may be without.
    partly: bool,
    values: Vec<Option<f64>>,
}

impl Column {
    fn name(detector: &str, score: &str, training: usize) -> String {
        let name = score_name(detector, score);
        if training == 0 { name } else { format!("{name}, training {}", training + 1) }
    }
}

/// One row per test image: `file`, `job`, `defect`, `cnr_image` and `diameter_px`, null where there is none; then a DOUBLE
/// per score, named as `vae A_R`, and `vae A_R, training 2` of a further training; null where a slow detector left the image
/// out. The same record gives the same bytes.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn parquet(record: &Record) -> Result<Vec<u8>> {
    let mut scores = Vec::new();
    for (detector, component) in record.components() {
        let images = record.scored(detector);
        let trainings = std::iter::once(&component.values).chain(&component.retrained).enumerate();
        scores.extend(trainings.map(|(training, of)| {
            let mut values = vec![None; record.test_images.len()];
            images.iter().zip(of).for_each(|(&image, &value)| values[image] = Some(value));
            let name = Column::name(&detector.name, &component.name, training);
            Column { name, partly: detector.scored_images.is_some(), values }
        }));
    }
    let images: Vec<&TestImage> = record.test_images.iter().collect();
    table("scores", [image_columns()?, score_columns(&scores)?].concat(), |group| {
        put_images(group, &images)?;
        put_scores(group, scores)
    })
}

/// One row per test image of a shift at one of its widths: `shift` and `width`, then the columns of [`parquet`]. `None` where the record
/// has no shifts, or is of a version that did not keep their scores.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn shifts_parquet(record: &Record) -> Result<Option<Vec<u8>>> {
    let points = record.shifts.iter().flat_map(|shift| shift.points.iter().map(move |point| (shift, point)));
    let points: Vec<(&Shift, &ShiftPoint)> = points.collect();
    let rows: Vec<(&Shift, &ShiftPoint, &TestImage)> = points
        .iter()
        .flat_map(|&(shift, point)| point.test_images.iter().map(move |image| (shift, point, image)))
        .collect();
    let Some((_, first)) = points.first().filter(|_| !rows.is_empty()) else { return Ok(None) };
    let mut scores = Vec::new();
    for score in &first.scores {
        // All widths of all shifts are scored by the same detectors.
        let of = |point: &ShiftPoint, training: usize| -> Vec<Option<f64>> {
            let found = point.score(&score.detector, &score.score).and_then(|s| s.values.get(training));
            (0..point.test_images.len()).map(|i| found.map(|values| values[i])).collect()
        };
        scores.extend((0..score.values.len()).map(|training| Column {
            name: Column::name(&score.detector, &score.score, training),
            partly: true,
            values: points.iter().flat_map(|(_, point)| of(point, training)).collect(),
        }));
    }
    let place =
        vec![column("shift", Physical::BYTE_ARRAY, false)?, column("width", Physical::DOUBLE, false)?];
    let images: Vec<&TestImage> = rows.iter().map(|&(_, _, image)| image).collect();
    table("shift_scores", [place, image_columns()?, score_columns(&scores)?].concat(), |group| {
        let names = rows.iter().map(|(shift, ..)| Some(ByteArray::from(shift.name.as_str())));
        put::<ByteArrayType>(group, false, names)?;
        put::<DoubleType>(group, false, rows.iter().map(|(_, point, _)| Some(point.width)))?;
        put_images(group, &images)?;
        put_scores(group, scores)
    })
    .map(Some)
}

fn image_columns() -> Result<Vec<Arc<Type>>> {
    Ok(vec![
        column("file", Physical::BYTE_ARRAY, false)?,
        column("job", Physical::INT32, false)?,
        column("defect", Physical::BYTE_ARRAY, true)?,
        column("cnr_image", Physical::DOUBLE, true)?,
        column("diameter_px", Physical::DOUBLE, true)?,
    ])
}

fn score_columns(scores: &[Column]) -> Result<Vec<Arc<Type>>> {
    scores.iter().map(|score| column(&score.name, Physical::DOUBLE, score.partly)).collect()
}

fn put_images(group: &mut Group<'_>, images: &[&TestImage]) -> Result<()> {
    let of = |text: fn(&TestImage) -> Option<&str>| images.iter().map(move |i| text(i).map(ByteArray::from));
    put::<ByteArrayType>(group, false, of(|image| Some(&image.id)))?;
    put::<Int32Type>(group, false, images.iter().map(|image| Some(image.job as i32)))?;
    put::<ByteArrayType>(group, true, of(|image| image.defect.as_deref()))?;
    put::<DoubleType>(group, true, images.iter().map(|image| image.cnr_image))?;
    put::<DoubleType>(group, true, images.iter().map(|image| image.diameter_px))
}

fn put_scores(group: &mut Group<'_>, scores: Vec<Column>) -> Result<()> {
    scores.into_iter().try_for_each(|score| put::<DoubleType>(group, score.partly, score.values.into_iter()))
}

/// One row per training, separation and test image that judges in it: `training` and `separation`, from 1, and `file`; then
/// a BOOLEAN per separated representation, named as `vae A_R with k-means`: whether it called the image anomalous, null where a
/// slow detector left it out. The same record gives the same bytes.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn calls_parquet(record: &Record) -> Result<Vec<u8>> {
    let passes = (0..record.trainings).flat_map(|t| {
        record.judged_images.iter().enumerate().map(move |(s, images)| (t as i32 + 1, s as i32 + 1, images))
    });
    let rows: Vec<(i32, i32, usize)> =
        passes.flat_map(|(t, s, images)| images.iter().map(move |&image| (t, s, image))).collect();
    let mut columns = vec![
        column("training", Physical::INT32, false)?,
        column("separation", Physical::INT32, false)?,
        column("file", Physical::BYTE_ARRAY, false)?,
    ];
    for (cell, _) in record.judged() {
        columns.push(column(&with(&cell.representation, &cell.separator), Physical::BOOLEAN, true)?);
    }
    table("calls", columns, |group| {
        put::<Int32Type>(group, false, rows.iter().map(|&(training, _, _)| Some(training)))?;
        put::<Int32Type>(group, false, rows.iter().map(|&(_, separation, _)| Some(separation)))?;
        let file = |image: usize| Some(ByteArray::from(record.test_images[image].id.as_str()));
        put::<ByteArrayType>(group, false, rows.iter().map(|&(_, _, image)| file(image)))?;
        record.judged().try_for_each(|(cell, judgement)| {
            let judged = record.judged_by(&cell.representation);
            let calls =
                judgement.calls.iter().zip(judged.iter().cycle()).zip(record.judged_images.iter().cycle());
            let of_pass = |((calls, own), all): ((&Calls, &Vec<usize>), &Vec<usize>)| -> Vec<Option<bool>> {
                all.iter().map(|image| Some(calls.0[own.binary_search(image).ok()?])).collect()
            };
            put::<BoolType>(group, true, calls.flat_map(of_pass))
        })
    })
}

fn table(
    name: &str,
    columns: Vec<Arc<Type>>,
    fill: impl FnOnce(&mut Group<'_>) -> Result<()>,
) -> Result<Vec<u8>> {
    let schema = Arc::new(Type::group_type_builder(name).with_fields(columns).build()?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default())?;
    let mut group = writer.next_row_group()?;
    fill(&mut group)?;
    group.close()?;
    writer.into_inner()
}
