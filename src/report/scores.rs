//! What every detector and separator said of every test image, as Parquet: enough to compute any figure again.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::measures::{score_name, with};
use super::record::{Record, TestImage};

/// The file's name inside the run's folder.
pub const FILE: &str = "scores.parquet";

/// One row per test image: `file`, `job`, `defect`, `cnr_image` and `diameter_px`, null where there is none; then a DOUBLE
/// per score, named as `vae A_R`, null where a slow detector left the image out, and a BOOLEAN per separated representation, named as `vae A_R with k-means`: whether it called the
/// image anomalous, null where the separator was fitted on the image's job. The same record gives the same bytes.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn parquet(record: &Record) -> Result<Vec<u8>> {
    let scores: Vec<(String, bool, Vec<Option<f64>>)> = record
        .components()
        .map(|(detector, component)| {
            let mut values = vec![None; record.test_images.len()];
            for (image, &value) in record.scored(detector).into_iter().zip(&component.values) {
                values[image] = Some(value);
            }
            (score_name(&detector.name, &component.name), detector.scored_images.is_some(), values)
        })
        .collect();
    let calls: Vec<(String, Vec<Option<bool>>)> = record
        .judged()
        .map(|(cell, judgement)| {
            let mut called = vec![None; record.test_images.len()];
            for (&image, &call) in record.judged_by(&cell.representation).iter().zip(&judgement.calls.0) {
                called[image] = Some(call);
            }
            (with(&cell.representation, &cell.separator), called)
        })
        .collect();

    let mut columns = vec![
        column("file", Physical::BYTE_ARRAY, false)?,
        column("job", Physical::INT32, false)?,
        column("defect", Physical::BYTE_ARRAY, true)?,
        column("cnr_image", Physical::DOUBLE, true)?,
        column("diameter_px", Physical::DOUBLE, true)?,
    ];
    for (name, partly, _) in &scores {
        columns.push(column(name, Physical::DOUBLE, *partly)?);
    }
    for (name, _) in &calls {
        columns.push(column(name, Physical::BOOLEAN, true)?);
    }
    let schema = Arc::new(Type::group_type_builder("scores").with_fields(columns).build()?);

    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default())?;
    let mut group = writer.next_row_group()?;
    let images = &record.test_images;
    let of = |text: fn(&TestImage) -> Option<&str>| images.iter().map(move |i| text(i).map(ByteArray::from));
    put::<ByteArrayType>(&mut group, false, of(|image| Some(&image.id)))?;
    put::<Int32Type>(&mut group, false, images.iter().map(|image| Some(image.job as i32)))?;
    put::<ByteArrayType>(&mut group, true, of(|image| image.defect.as_deref()))?;
    put::<DoubleType>(&mut group, true, images.iter().map(|image| image.cnr_image))?;
    put::<DoubleType>(&mut group, true, images.iter().map(|image| image.diameter_px))?;
    for (_, partly, values) in scores {
        put::<DoubleType>(&mut group, partly, values.into_iter())?;
    }
    for (_, called) in calls {
        put::<BoolType>(&mut group, true, called.into_iter())?;
    }
    group.close()?;
    writer.into_inner()
}

fn column(name: &str, physical: Physical, nullable: bool) -> Result<Arc<Type>> {
    let repetition = if nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    let builder = match physical {
        Physical::BYTE_ARRAY => {
            builder.with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8)
        }
        _ => builder,
    };
    Ok(Arc::new(builder.build()?))
}

fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    nullable: bool,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<()> {
    let values: Vec<Option<T::T>> = values.collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&present, nullable.then_some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}
