//! Columns of Parquet tables. No compression, no time stamp: the same values give the same bytes.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::DataType;
use parquet::errors::Result;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::Type;

/// A column of a schema; bytes are text.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn column(name: &str, physical: Physical, nullable: bool) -> Result<Arc<Type>> {
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

/// Writes the next column of `group`.
///
/// # Errors
/// What the Parquet writer refuses.
pub fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
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
