//! `ledger.parquet`: one row per image.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::files::Draft;
use super::view::{Outline, View};
use super::{DatasetError, LEDGER, Row, Split};
use crate::parquet::{column, put};

type Text = fn(&Row) -> Option<&str>;
/// The columns of text: name, whether it may be null, and the value.
const TEXTS: [(&str, bool, Text); 10] = [
    ("file", false, |r| Some(&r.file)),
    ("split", false, |r| Some(r.split.name())),
    ("defect", true, |r| r.defect.as_deref()),
    ("fault", true, |r| r.fault.as_deref()),
    ("twin", true, |r| r.twin.as_deref()),
    ("mask", true, |r| r.mask.as_deref()),
    ("change", true, |r| r.change.as_deref()),
    ("nominal", false, |r| Some(&r.nominal)),
    ("temperature", true, |r| r.temperature.as_deref()),
    ("stream", false, |r| Some(&r.stream)),
];

/// As many rows are kept in memory and make one row group.
const GROUP: usize = 2048;

/// The ledger being written: first the columns of text, then `afterglow`, `job` and `layer`, and then
/// one nullable DOUBLE per parameter, sorted by name. No compression, no time stamp: the same rows give
/// the same bytes.
struct Ledger {
    writer: SerializedFileWriter<Draft>,
    parameters: Vec<String>,
    rows: Vec<Row>,
}

/// Begins the ledger.
pub fn begin(outline: &Outline) -> Result<Box<dyn View>, DatasetError> {
    let path = outline.folder.join(LEDGER);
    let writer = schema(outline.parameters).map_err(refused(&path)).and_then(|schema| {
        SerializedFileWriter::new(Draft::create(&path)?, schema, Arc::default()).map_err(refused(&path))
    })?;
    let parameters = outline.parameters.iter().cloned().collect();
    Ok(Box::new(Ledger { writer, parameters, rows: Vec::new() }))
}

impl View for Ledger {
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError> {
        for row in rows {
            self.rows.push(row.clone());
            if self.rows.len() == GROUP {
                self.write_group().map_err(refused(self.writer.inner().path()))?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError> {
        let path = self.writer.inner().path().to_owned();
        if !self.rows.is_empty() {
            self.write_group().map_err(refused(&path))?;
        }
        self.writer.finish().map_err(refused(&path))?;
        Ok(vec![(LEDGER.to_owned(), self.writer.inner_mut().keep()?)])
    }
}

impl Ledger {
    fn write_group(&mut self) -> ParquetResult<()> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.writer.next_row_group()?;
        let rows = || rows.iter();
        for (_, nullable, text) in TEXTS {
            put::<ByteArrayType>(&mut group, nullable, rows().map(|r| text(r).map(ByteArray::from)))?;
        }
        put::<BoolType>(&mut group, false, rows().map(|r| Some(r.afterglow)))?;
        put::<Int32Type>(&mut group, false, rows().map(|r| Some(r.job as i32)))?;
        put::<Int32Type>(&mut group, false, rows().map(|r| Some(r.layer as i32)))?;
        for name in &self.parameters {
            put::<DoubleType>(&mut group, true, rows().map(|r| r.parameters.get(name).copied()))?;
        }
        group.close()?;
        Ok(())
    }
}

/// What the system says stands inside the error of the Parquet writer.
fn refused(path: &Path) -> impl FnOnce(ParquetError) -> DatasetError {
    let path = path.to_owned();
    move |error| {
        let source = match error {
            ParquetError::External(inner) => {
                inner.downcast::<io::Error>().map_or_else(io::Error::other, |e| *e)
            }
            other => io::Error::other(other),
        };
        DatasetError::io("write", &path)(source)
    }
}

fn schema(parameters: &BTreeSet<String>) -> ParquetResult<Arc<Type>> {
    let mut columns = Vec::new();
    for (name, nullable, _) in TEXTS {
        columns.push(column(name, Physical::BYTE_ARRAY, nullable)?);
    }
    columns.push(column("afterglow", Physical::BOOLEAN, false)?);
    columns.push(column("job", Physical::INT32, false)?);
    columns.push(column("layer", Physical::INT32, false)?);
    for name in parameters {
        columns.push(column(name, Physical::DOUBLE, true)?);
    }
    Ok(Arc::new(Type::group_type_builder("ledger").with_fields(columns).build()?))
}

/// The rows of the ledger at `path`, one row group in memory at a time.
pub fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Row, DatasetError>>, DatasetError> {
    let damaged = |why: String| DatasetError::damaged(path, why);
    let file = File::open(path).map_err(DatasetError::io("read", path))?;
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(e.to_string()))?;
    let path = path.to_owned();
    let groups = (0..reader.num_row_groups()).map(move |index| group(&reader, index));
    Ok(groups.flat_map(move |group| {
        let (rows, error) = match group {
            Ok(rows) => (rows, None),
            Err(why) => (Vec::new(), Some(DatasetError::damaged(&path, why))),
        };
        rows.into_iter().map(Ok).chain(error.map(Err))
    }))
}

fn group(reader: &SerializedFileReader<File>, index: usize) -> Result<Vec<Row>, String> {
    let text = |e: ParquetError| e.to_string();
    let group = reader.get_row_group(index).map_err(text)?;
    let count = usize::try_from(group.metadata().num_rows()).map_err(|e| e.to_string())?;
    let mut columns = Columns { count, ..Columns::default() };
    for (index, column) in reader.metadata().file_metadata().schema_descr().columns().iter().enumerate() {
        columns.read(group.as_ref(), index, column.name(), column.physical_type()).map_err(text)?;
    }
    (0..columns.count).map(|at| columns.row(at)).collect()
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
            fault: text("fault")?,
            afterglow: self.flags.get("afterglow").and_then(|column| column[at]).unwrap_or(false),
            job: number("job")?,
            layer: number("layer")?,
            twin: text("twin")?,
            mask: text("mask")?,
            change: text("change")?,
            nominal: needed("nominal")?,
            temperature: text("temperature")?,
            stream: needed("stream")?,
            parameters: (self.numbers.iter())
                .filter_map(|(name, column)| Some((name.clone(), column[at]?)))
                .collect(),
        })
    }
}

/// Rows of a column that are read at a time.
const ROWS_AT_A_TIME: usize = 1 << 16;

/// The `count` values of column `index`.
fn take<T: DataType>(
    group: &dyn RowGroupReader,
    index: usize,
    count: usize,
) -> ParquetResult<Vec<Option<T::T>>> {
    let mut column = parquet::column::reader::get_typed_column_reader::<T>(group.get_column_reader(index)?);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    // How many there really are: what the file says is not yet believed.
    while column.read_records(ROWS_AT_A_TIME, Some(&mut levels), None, &mut values)?.0 > 0 {}
    if levels.is_empty() {
        levels = vec![1; values.len()];
    }
    let mut values = values.into_iter();
    let read: Vec<Option<T::T>> =
        levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect();
    if read.len() != count {
        return Err(ParquetError::General(format!("a column has {} rows and not {count}", read.len())));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Manifest;
    use crate::dataset::files::sha256;

    fn row(job: u32, defect: Option<&str>, parameters: &[(&str, f64)]) -> Row {
        let path = |name: &str| defect.map(|d| format!("{name}/{d}/job{job:04}_layer0001.png"));
        Row {
            file: path("test").unwrap_or(format!("test/good/job{job:04}_layer0001.png")),
            split: Split::Test,
            defect: defect.map(str::to_owned),
            fault: (job == 3).then(|| "blank".to_owned()),
            afterglow: job == 2,
            job,
            layer: 1,
            twin: path("twin"),
            mask: path("mask"),
            change: path("change"),
            nominal: "nominal/x.png".to_owned(),
            temperature: path("temperature"),
            stream: format!("test/job/{job}/layer/1"),
            parameters: parameters.iter().map(|&(k, v)| (k.to_owned(), v)).collect(),
        }
    }

    fn write(folder: &Path, rows: &[Row]) -> Vec<u8> {
        let parameters = rows.iter().flat_map(|r| r.parameters.keys().cloned()).collect();
        let manifest = Manifest::default();
        let written = std::sync::Arc::default();
        let outline = Outline {
            folder,
            manifest: &manifest,
            written: &written,
            parameters: &parameters,
            classes: &parameters,
        };
        let mut ledger = begin(&outline).unwrap();
        rows.chunks(3).for_each(|some| ledger.put(some).unwrap());
        let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let [(name, hash)] = &ledger.finish().unwrap()[..] else { panic!("one file") };
        assert_eq!(sha256(&bytes(name)), *hash);
        bytes(name)
    }

    fn read(path: &Path) -> Result<Vec<Row>, DatasetError> {
        rows(path)?.collect()
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
        let bytes = write(folder.path(), &rows);
        assert_eq!(bytes, write(folder.path(), &rows));
        assert_eq!(read(&path).unwrap(), rows);
        // More than one row group.
        let many: Vec<Row> =
            (0..5000).map(|j| row(j, (j % 2 == 0).then_some("x"), &[("a", f64::from(j)); 1])).collect();
        write(folder.path(), &many);
        assert_eq!(read(&path).unwrap(), many);
        write(folder.path(), &[]);
        assert_eq!(read(&path).unwrap(), []);
        std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("ledger.parquet is damaged"));
    }
    /// What fuzzing starts from: sixteen images of a job each of training, test and screening, one of them spoilt.
    #[test]
    fn the_ledger_that_fuzzing_starts_from_is_sound() {
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/ledger/every-split.parquet");
        let rows = read(&seed).unwrap();
        let count = |of: fn(&Row) -> bool| rows.iter().filter(|&row| of(row)).count();
        assert_eq!((rows.len(), count(|row| row.fault.is_some())), (16, 1));
        assert_eq!(count(|row| row.temperature.is_none()), 1);
    }
}
