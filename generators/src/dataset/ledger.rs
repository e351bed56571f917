//! One row per image: its files, its label, and every parameter that made it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

use super::DatasetError;

/// Which part of the benchmark an image belongs to. No job is in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Healthy images for fitting.
    Train,
    /// Healthy images for watching the fit.
    Validation,
    /// Healthy and anomalous images of the same jobs and layers.
    Test,
}

impl Split {
    /// Every split, in order.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Its name in the ledger and on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// One image of the dataset; paths are relative to the dataset's folder, with `/` between names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The image: `test/striation/job0012_layer0034.png`.
    pub file: String,
    /// Its part of the benchmark.
    pub split: Split,
    /// Name of the defect, `None` for a healthy image.
    pub defect: Option<String>,
    /// The layer shows only what the defect left behind.
    pub afterglow: bool,
    /// Number of the job.
    pub job: u32,
    /// Number of the layer in its job.
    pub layer: u32,
    /// The healthy twin of an anomalous image.
    pub twin: Option<String>,
    /// The footprint of an anomalous image.
    pub mask: Option<String>,
    /// The change map |image - twin| of an anomalous image.
    pub change: Option<String>,
    /// The nominal slice.
    pub nominal: String,
    /// Path of the random stream that made the layer.
    pub stream: String,
    /// Every number drawn or derived for this image, by name: `bed.temperature_c`, `defect.cnr`.
    #[serde(with = "exact")]
    pub parameters: BTreeMap<String, f64>,
}

/// Numbers as their bits: a resumed run has to end in the same bytes.
mod exact {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(numbers: &BTreeMap<String, f64>, to: S) -> Result<S::Ok, S::Error> {
        let bits: BTreeMap<&str, u64> = numbers.iter().map(|(k, v)| (k.as_str(), v.to_bits())).collect();
        bits.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
        let bits = BTreeMap::<String, u64>::deserialize(from)?;
        Ok(bits.into_iter().map(|(k, v)| (k, f64::from_bits(v))).collect())
    }
}

type Text = fn(&Row) -> Option<&str>;
/// The columns of text: name, whether it may be null, and the value.
const TEXTS: [(&str, bool, Text); 8] = [
    ("file", false, |r| Some(&r.file)),
    ("split", false, |r| Some(r.split.name())),
    ("defect", true, |r| r.defect.as_deref()),
    ("twin", true, |r| r.twin.as_deref()),
    ("mask", true, |r| r.mask.as_deref()),
    ("change", true, |r| r.change.as_deref()),
    ("nominal", false, |r| Some(&r.nominal)),
    ("stream", false, |r| Some(&r.stream)),
];

/// The ledger as a Parquet file: first the columns of text, then `afterglow`, `job` and `layer`, and
/// then one nullable DOUBLE per parameter, sorted by name. No compression, no time stamp: the same rows
/// give the same bytes.
pub fn to_parquet(rows: &[Row]) -> ParquetResult<Vec<u8>> {
    let names: std::collections::BTreeSet<&str> =
        rows.iter().flat_map(|r| r.parameters.keys().map(String::as_str)).collect();
    let mut columns = Vec::new();
    for (name, nullable, _) in TEXTS {
        columns.push(column(name, Physical::BYTE_ARRAY, nullable)?);
    }
    columns.push(column("afterglow", Physical::BOOLEAN, false)?);
    columns.push(column("job", Physical::INT32, false)?);
    columns.push(column("layer", Physical::INT32, false)?);
    for name in &names {
        columns.push(column(name, Physical::DOUBLE, true)?);
    }
    let schema = Arc::new(Type::group_type_builder("ledger").with_fields(columns).build()?);
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, schema, Arc::new(WriterProperties::builder().build()))?;
    let mut group = writer.next_row_group()?;
    for (_, nullable, text) in TEXTS {
        put::<ByteArrayType>(&mut group, rows, nullable, |r| text(r).map(ByteArray::from))?;
    }
    put::<BoolType>(&mut group, rows, false, |r| Some(r.afterglow))?;
    put::<Int32Type>(&mut group, rows, false, |r| Some(r.job as i32))?;
    put::<Int32Type>(&mut group, rows, false, |r| Some(r.layer as i32))?;
    for name in names {
        put::<DoubleType>(&mut group, rows, true, |r| r.parameters.get(name).copied())?;
    }
    group.close()?;
    writer.close()?;
    Ok(file)
}

fn column(name: &str, physical: Physical, nullable: bool) -> ParquetResult<Arc<Type>> {
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
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    rows: &[Row],
    nullable: bool,
    value: impl Fn(&Row) -> Option<T::T>,
) -> ParquetResult<()> {
    let values: Vec<Option<T::T>> = rows.iter().map(value).collect();
    let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&present, nullable.then_some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

/// Reads the ledger at `path`.
pub fn read_parquet(path: &Path) -> Result<Vec<Row>, DatasetError> {
    let file = std::fs::File::open(path).map_err(DatasetError::io("read", path))?;
    rows(file).map_err(|why| DatasetError::damaged(path, why))
}

fn rows(file: std::fs::File) -> Result<Vec<Row>, String> {
    let text = |e: parquet::errors::ParquetError| e.to_string();
    let reader = SerializedFileReader::new(file).map_err(text)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(text)?;
        let mut columns = Columns { count: group.metadata().num_rows() as usize, ..Columns::default() };
        for (index, column) in schema.columns().iter().enumerate() {
            columns.read(group.as_ref(), index, column.name(), column.physical_type()).map_err(text)?;
        }
        for at in 0..columns.count {
            rows.push(columns.row(at)?);
        }
    }
    Ok(rows)
}

/// One row group, column by column.
#[derive(Default)]
struct Columns {
    count: usize,
    texts: BTreeMap<String, Vec<Option<ByteArray>>>,
    flags: BTreeMap<String, Vec<Option<bool>>>,
    integers: BTreeMap<String, Vec<Option<i32>>>,
    numbers: BTreeMap<String, Vec<Option<f64>>>,
}

impl Columns {
    fn read(
        &mut self,
        group: &dyn RowGroupReader,
        index: usize,
        name: &str,
        physical: Physical,
    ) -> ParquetResult<()> {
        let name = name.to_owned();
        match physical {
            Physical::BYTE_ARRAY => {
                drop(self.texts.insert(name, take::<ByteArrayType>(group, index, self.count)?))
            }
            Physical::BOOLEAN => drop(self.flags.insert(name, take::<BoolType>(group, index, self.count)?)),
            Physical::INT32 => drop(self.integers.insert(name, take::<Int32Type>(group, index, self.count)?)),
            Physical::DOUBLE => {
                drop(self.numbers.insert(name, take::<DoubleType>(group, index, self.count)?))
            }
            _ => {}
        }
        Ok(())
    }

    fn row(&self, at: usize) -> Result<Row, String> {
        let text = |name: &str| -> Result<Option<String>, String> {
            let value = self.texts.get(name).and_then(|column| column[at].as_ref());
            value.map(|v| v.as_utf8().map(str::to_owned).map_err(|e| e.to_string())).transpose()
        };
        let needed = |name: &str| text(name)?.ok_or_else(|| format!("column `{name}` is missing"));
        let number = |name: &str| -> Result<u32, String> {
            let value = self.integers.get(name).and_then(|column| column[at]);
            value.map(|v| v as u32).ok_or_else(|| format!("column `{name}` is missing"))
        };
        let split = needed("split")?;
        Ok(Row {
            file: needed("file")?,
            split: Split::ALL
                .into_iter()
                .find(|s| s.name() == split)
                .ok_or_else(|| format!("there is no split `{split}`"))?,
            defect: text("defect")?,
            afterglow: self.flags.get("afterglow").and_then(|column| column[at]).unwrap_or(false),
            job: number("job")?,
            layer: number("layer")?,
            twin: text("twin")?,
            mask: text("mask")?,
            change: text("change")?,
            nominal: needed("nominal")?,
            stream: needed("stream")?,
            parameters: (self.numbers.iter())
                .filter_map(|(name, column)| Some((name.clone(), column[at]?)))
                .collect(),
        })
    }
}

fn take<T: DataType>(
    group: &dyn RowGroupReader,
    index: usize,
    count: usize,
) -> ParquetResult<Vec<Option<T::T>>> {
    let mut column = parquet::column::reader::get_typed_column_reader::<T>(group.get_column_reader(index)?);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while values.len() < count {
        let (records, _, _) = column.read_records(count, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
    }
    if levels.is_empty() {
        levels = vec![1; values.len()];
    }
    let mut values = values.into_iter();
    let mut read: Vec<Option<T::T>> =
        levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect();
    read.resize(count, None);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(job: u32, defect: Option<&str>, parameters: &[(&str, f64)]) -> Row {
        let path = |name: &str| defect.map(|d| format!("{name}/{d}/job{job:04}_layer0001.png"));
        Row {
            file: path("test").unwrap_or(format!("test/good/job{job:04}_layer0001.png")),
            split: Split::Test,
            defect: defect.map(str::to_owned),
            afterglow: job == 2,
            job,
            layer: 1,
            twin: path("twin"),
            mask: path("mask"),
            change: path("change"),
            nominal: "nominal/x.png".to_owned(),
            stream: format!("test/job/{job}/layer/1"),
            parameters: parameters.iter().map(|&(k, v)| (k.to_owned(), v)).collect(),
        }
    }

    #[test]
    fn rows_survive_the_file_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.parquet");
        let rows = vec![
            row(1, None, &[("bed.temperature_c", 0.1 + 0.2), ("camera.gain", 1.0)]),
            row(2, Some("porous"), &[("bed.temperature_c", -0.0), ("defect.cnr", f64::MIN_POSITIVE)]),
            row(3, None, &[]),
        ];
        let bytes = to_parquet(&rows).unwrap();
        assert_eq!(bytes, to_parquet(&rows).unwrap());
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_parquet(&path).unwrap(), rows);
        let many: Vec<Row> =
            (0..5000).map(|j| row(j, (j % 2 == 0).then_some("x"), &[("a", f64::from(j)); 1])).collect();
        std::fs::write(&path, to_parquet(&many).unwrap()).unwrap();
        assert_eq!(read_parquet(&path).unwrap(), many);
        std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
        assert!(read_parquet(&path).unwrap_err().to_string().contains("ledger.parquet is damaged"));
    }

    #[test]
    fn numbers_survive_a_completion_record() {
        let row = row(1, Some("porous"), &[("a", 0.1 + 0.2), ("b", f64::NAN.abs()), ("c", f64::INFINITY)]);
        let text = serde_json::to_string(&row).unwrap();
        let read: Row = serde_json::from_str(&text).unwrap();
        let bits = |row: &Row| row.parameters.values().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&row));
    }
}
