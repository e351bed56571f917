//! About how much room a dataset will take.

/// Bytes that a disk gives at once.
const BLOCK: f64 = 4096.0;
/// Bytes of one row of the ledger: names, and numbers of which many are the same in all layers of a job.
const LEDGER_ROW: f64 = 250.0;
/// Bytes of one file in the manifest: its name and its hash.
const LISTED: f64 = 150.0;

/// What will be in a dataset: how many images, and about how many bytes each of their files has.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    /// Images with nothing wrong.
    pub healthy: f64,
    /// Images with a defect.
    pub anomalous: f64,
    /// Bytes of an image.
    pub image: f64,
    /// Bytes of a nominal slice, one for each healthy image.
    pub nominal: f64,
    /// Bytes of a footprint, one for each anomalous image.
    pub mask: f64,
    /// Bytes of a change map, one for each anomalous image.
    pub change: f64,
    /// Bytes of an image's temperatures; `None` where there are no such files.
    pub temperature: Option<f64>,
}

impl Volume {
    /// All images.
    pub fn images(&self) -> f64 {
        self.healthy + self.anomalous
    }

    /// The bytes on disk of the files that every dataset has.
    pub fn bytes(&self) -> f64 {
        let both = on_disk(self.image) + self.temperature.map_or(0.0, on_disk);
        let files = self.healthy * (both + on_disk(self.nominal))
            + self.anomalous * (both + on_disk(self.mask) + on_disk(self.change));
        let count = self.images() * if self.temperature.is_some() { 2.0 } else { 1.0 }
            + self.healthy
            + 2.0 * self.anomalous;
        files + LEDGER_ROW * self.images() + LISTED * count
    }
}

/// What a file takes on a disk, which gives whole blocks.
pub(super) fn on_disk(bytes: f64) -> f64 {
    (bytes / BLOCK).ceil() * BLOCK
}
