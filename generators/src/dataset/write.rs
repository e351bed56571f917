//! Making a dataset, or a shard of one, from a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::files::{copy_file, sha256, write_file};
use super::journal::{Header, Record};
use super::make::{Report, Source, Told, make};
use super::{
    DatasetError, FORMAT, Manifest, ManifestPart, Row, SCENARIO, Shard, Split, Temperature, names, png,
};
use crate::job::{self, Recorded, Sample, Shot};
use crate::scenario::{Job, Production};

/// Makes the dataset of `production` in `folder`, on all threads of the current rayon pool; with a
/// `shard` only that share of its jobs, to be [merged](super::merge) with the others. Goes on where an
/// earlier run of the same scenario was stopped, and does nothing where it was finished. The bytes on
/// disk do not depend on either, nor on the number of threads or shards.
///
/// # Errors
/// A folder that cannot be written or holds something else; a defect that never shows; a part that was
/// changed since it was read; a stop.
pub fn write(
    production: &Production,
    folder: &Path,
    shard: Option<Shard>,
    report: Report,
) -> Result<(), DatasetError> {
    let jobs = production.jobs();
    let parts = part_files(production);
    let scenario = production.to_toml(&parts);
    let expected = |split: Split| {
        let jobs = jobs.iter().filter(|job| job.split == split).count();
        let history = if split == Split::Test { production.images(Split::History) } else { 0 };
        (split, (production.images(split) + history).checked_div(jobs).unwrap_or(0))
    };
    let expected = Split::ALL.into_iter().map(expected).collect();
    let manifest = manifest(production, &scenario, &parts);
    let folders = folders(production, &jobs);
    let header = Header { shard, jobs: jobs.len() as u32, folders, manifest };
    make(folder, &header, &Simulation { production, scenario, parts, jobs: &jobs, expected }, report)
}

/// Where the dataset keeps each part: under its own name, unless another part has that.
fn part_files(production: &Production) -> Vec<String> {
    let mut kept: Vec<(String, &str)> = Vec::new();
    for (number, part) in (1..).zip(production.parts()) {
        let name = part.file.file_name().unwrap_or_default().to_string_lossy();
        let mut file = format!("{}/{name}", names::PARTS);
        while kept.iter().any(|(other, hash)| other.eq_ignore_ascii_case(&file) && *hash != part.hash) {
            file = file.replacen('/', &format!("/{number}-"), 1);
        }
        kept.push((file, &part.hash));
    }
    kept.into_iter().map(|(file, _)| file).collect()
}

/// The folders that images are written to, and that of the parts.
fn folders(production: &Production, jobs: &[Job]) -> Vec<String> {
    let splits: BTreeSet<Split> = jobs.iter().map(|job| job.split).collect();
    let sorted = splits.iter().filter(|&&split| split != Split::Screening);
    let mut folders: Vec<String> = sorted.map(|&split| names::good(split)).collect();
    if splits.contains(&Split::Test) {
        folders.extend(production.scenario().defects().flat_map(|(name, _)| names::of_defect(name)));
        folders.extend(production.keeps_history().then(|| names::good(Split::History)));
    }
    let recorded = jobs.iter().filter(|job| job.split == Split::Screening);
    folders.extend(recorded.flat_map(|job| names::recording(job.number)));
    if production.scenario().temperature().is_some() {
        let of_images =
            |folder: &&String| Split::ALL.iter().any(|s| folder.split('/').next() == Some(s.name()));
        let images: Vec<String> = folders.iter().filter(of_images).cloned().collect();
        folders.extend(images.iter().map(|folder| format!("{}/{folder}", names::TEMPERATURE)));
    }
    folders.extend([names::NOMINAL.to_owned(), names::PARTS.to_owned()]);
    folders
}

/// The manifest as far as it is known before the first image.
fn manifest(production: &Production, scenario: &str, parts: &[String]) -> Manifest {
    let parts = production.parts().zip(parts).map(|(part, file)| ManifestPart {
        file: file.clone(),
        hash: part.hash.clone(),
        unit: part.unit.name().to_owned(),
        copies: part.copies,
        certificate: part.certificate.clone(),
    });
    Manifest {
        format: FORMAT,
        program: concat!("synthgen ", env!("CARGO_PKG_VERSION")).to_owned(),
        fingerprint: production.fingerprint().to_owned(),
        seed: production.scenario().seed,
        image_px: production.frame().size_px,
        bits: production.camera().depth.bits(),
        px_per_mm: production.frame().px_per_mm,
        temperature: production.scenario().temperature().cloned(),
        parts: parts.collect(),
        images: BTreeMap::new(),
        formats: production.scenario().formats().clone(),
        files: BTreeMap::from([(SCENARIO.to_owned(), sha256(scenario.as_bytes()))]),
    }
}

/// Jobs that are simulated here.
struct Simulation<'a> {
    production: &'a Production,
    scenario: String,
    /// Where the dataset keeps each part.
    parts: Vec<String>,
    jobs: &'a [Job],
    expected: BTreeMap<Split, usize>,
}

impl Source for Simulation<'_> {
    fn begin(&self, folder: &Path) -> Result<(), DatasetError> {
        write_file(&folder.join(SCENARIO), self.scenario.as_bytes())?;
        for (part, kept) in self.production.parts().zip(&self.parts) {
            keep_part(&part.file, &part.hash, &folder.join(kept))?;
        }
        Ok(())
    }

    fn expected(&self, job: u32) -> usize {
        self.expected[&self.jobs[job as usize].split]
    }

    fn job(&self, job: u32, folder: &Path, told: Told) -> Result<Record, DatasetError> {
        simulate(self.production, &self.jobs[job as usize], folder, &|_| true, told)
    }
}

/// Makes one layer of a job alone, in `folder`.
pub fn layer(production: &Production, job: u32, layer: u32, folder: &Path) -> Result<Record, DatasetError> {
    let jobs = production.jobs();
    for class in folders(production, &jobs) {
        let path = folder.join(class);
        fs::create_dir_all(&path).map_err(DatasetError::io("create", &path))?;
    }
    let wanted = |index: usize| index == layer as usize;
    let jobs = jobs.get(job as usize);
    jobs.map_or(Ok(Record::default()), |job| simulate(production, job, folder, &wanted, &|_| Ok(())))
}

/// Simulates a job and writes the files of the layers that are `wanted`.
fn simulate(
    production: &Production,
    job: &Job,
    folder: &Path,
    wanted: &(dyn Fn(usize) -> bool + Sync),
    told: Told,
) -> Result<Record, DatasetError> {
    let mut record = Record::default();
    let temperature = production.scenario().temperature();
    let mut files = Files { folder, temperature, written: &mut record.files };
    let mut keep = |rows: Vec<Row>| {
        let count = rows.len();
        record.rows.extend(rows);
        told(count)
    };
    match job.split {
        Split::Screening => job::record(production, job, |image| {
            if wanted(image.layer) { keep(put_recorded(job, &image, &mut files)?) } else { Ok(()) }
        }),
        _ => job::simulate(production, job, |sample| {
            if wanted(sample.layer) { keep(put(job, &sample, &mut files)?) } else { Ok(()) }
        }),
    }?;
    Ok(record)
}

/// Copies the part whose BLAKE3 is `hash`: with it and the scenario the dataset can be made again.
fn keep_part(part: &Path, hash: &str, copy: &Path) -> Result<(), DatasetError> {
    let mut kept = blake3::Hasher::new();
    let is_the_same =
        |file: &File| kept.update_reader(file).map(|kept| kept.finalize().to_hex().as_str() == hash);
    if !copy_file(part, copy, is_the_same)? {
        return Err(DatasetError::PartChanged { part: part.to_owned() });
    }
    Ok(())
}

/// The files of one job, by name, and the SHA-256 of each.
struct Files<'a> {
    folder: &'a Path,
    temperature: Option<&'a Temperature>,
    written: &'a mut BTreeMap<String, String>,
}

impl Files<'_> {
    /// Writes one file and returns its name.
    fn put(&mut self, name: String, encoded: io::Result<Vec<u8>>) -> Result<String, DatasetError> {
        let path = self.folder.join(&name);
        let bytes = encoded.map_err(DatasetError::io("write", &path))?;
        write_file(&path, &bytes)?;
        self.written.insert(name.clone(), sha256(&bytes));
        Ok(name)
    }

    /// Writes the temperatures of the image of `row`, where the dataset is to have them.
    fn put_temperature(&mut self, row: &mut Row, shot: &Shot) -> Result<(), DatasetError> {
        if let Some(temperature) = self.temperature {
            let encoded = temperature.encode(&shot.apparent_c);
            row.temperature = Some(self.put(temperature.file(&row.file), encoded)?);
        }
        Ok(())
    }
}

/// Writes the files of one layer; their rows.
fn put(job: &Job, sample: &Sample, files: &mut Files<'_>) -> Result<Vec<Row>, DatasetError> {
    let stem = names::stem(job.number, sample.layer);
    let nominal = files.put(format!("{}/{stem}.png", names::NOMINAL), png::share(&sample.nominal))?;
    let split = match (job.split, &sample.twin) {
        (Split::Test, None) => Split::History,
        (split, _) => split,
    };
    let good = format!("{}/{stem}.png", names::good(split));
    let good = files.put(good, png::grey(&sample.healthy.grey))?;
    let healthy = row(job, sample.layer, good.clone(), nominal.clone(), &sample.healthy);
    let mut rows = vec![Row { split, ..healthy }];
    files.put_temperature(&mut rows[0], &sample.healthy)?;
    if let Some(twin) = &sample.twin {
        let [images, masks, changes] = names::of_defect(&twin.defect);
        let image = files.put(format!("{images}/{stem}.png"), png::grey(&twin.shot.grey))?;
        let mask = files.put(format!("{masks}/{stem}_mask.png"), png::mask(&twin.mask))?;
        let change = twin.shot.grey.difference(&sample.healthy.grey);
        let change = files.put(format!("{changes}/{stem}.png"), png::grey(&change))?;
        let mut row = Row {
            defect: Some(twin.defect.clone()),
            afterglow: twin.afterglow,
            twin: Some(good),
            mask: Some(mask),
            change: Some(change),
            ..row(job, sample.layer, image, nominal, &twin.shot)
        };
        files.put_temperature(&mut row, &twin.shot)?;
        rows.push(row);
    }
    Ok(rows)
}

/// Writes the files of one image of a recording; its row.
fn put_recorded(job: &Job, recorded: &Recorded, files: &mut Files<'_>) -> Result<Vec<Row>, DatasetError> {
    let stem = names::stem(job.number, recorded.layer);
    let [images, masks] = names::recording(job.number);
    let nominal = files.put(format!("{}/{stem}.png", names::NOMINAL), png::share(&recorded.nominal))?;
    let image = files.put(format!("{images}/{stem}.png"), png::grey(&recorded.shot.grey))?;
    let mask = recorded.mask.as_ref().map(|m| files.put(format!("{masks}/{stem}_mask.png"), png::mask(m)));
    let mut row = Row {
        defect: recorded.defect.clone(),
        fault: recorded.fault.clone(),
        afterglow: recorded.afterglow,
        mask: mask.transpose()?,
        ..row(job, recorded.layer, image, nominal, &recorded.shot)
    };
    if recorded.fault.is_none() {
        files.put_temperature(&mut row, &recorded.shot)?;
    }
    Ok(vec![row])
}

/// The row of a healthy image.
fn row(job: &Job, layer: usize, file: String, nominal: String, shot: &Shot) -> Row {
    Row {
        file,
        split: job.split,
        defect: None,
        fault: None,
        afterglow: false,
        job: job.number,
        layer: layer as u32,
        twin: None,
        mask: None,
        change: None,
        nominal,
        temperature: None,
        stream: shot.stream.clone(),
        parameters: shot.parameters.clone(),
    }
}
