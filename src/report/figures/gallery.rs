//! Examples of every defect in false colour (Zeiser et al. 2023, Fig. 4): what the camera saw, what it would
//! have seen, what changed, where the defect is, and where a detector looks.

use super::sheet::Sheet;
use crate::report::assets::{Assets, Grey};
use crate::report::colour::{INK, MUTED, OUTLINE, OUTLINE_ON_MAP, Rgb, Scale, hex};
use crate::report::escape;
use crate::report::numbers::short;
use crate::report::picture::{Picture, data_uri};
use crate::report::record::{GalleryEntry, GreyScale, Record};

/// An example with its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Place in [`Record::gallery`].
    pub index: usize,
    /// The pictures, left to right.
    pub panes: Vec<Pane>,
}

/// A picture of an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Pane {
    /// What it shows, in a word or two.
    pub caption: String,
    /// More about it, such as its range.
    pub note: String,
    /// The picture as a data address.
    pub address: String,
    /// Finer than the image, so that it may be scaled smoothly.
    pub smooth: bool,
}

/// What the colours of some panes mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Legend {
    /// The quantity, with its unit.
    pub name: String,
    /// What the darkest and the brightest colour stand for.
    pub range: [f64; 2],
    /// The colours.
    pub scale: Scale,
}

/// Reads and colours every example. Temperatures share one scale over all examples, changes another.
pub fn examples(record: &Record, assets: &Assets<'_>) -> (Vec<Example>, Vec<Legend>) {
    if record.gallery.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let read: Vec<Pictures> = record.gallery.iter().map(|entry| Pictures::read(entry, assets)).collect();
    let thermal = |value: f32| to_temperature(record.dataset.grey_scale, value);
    let seen = read.iter().flat_map(|p| [&p.image, &p.twin]).flatten().flat_map(|grey| &grey.values);
    let range = spread(seen.map(|&v| thermal(v)));
    let most =
        read.iter().filter_map(|p| p.change.as_ref()).flat_map(|c| &c.values).copied().fold(0.0, f32::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let per_grey = record.dataset.grey_scale.map_or(1.0, |g| (g.white_c - g.black_c).abs());
    let colour = |grey: &Grey| {
        let values: Vec<f32> = grey.values.iter().map(|&v| thermal(v)).collect();
        Picture::false_colour(&values, grey.width, range, Scale::Inferno)
    };
    let examples = read.iter().zip(&record.gallery).enumerate().map(|(index, (pictures, entry))| {
        let panes = panes(pictures, entry, assets, &colour, most);
        Example { index, panes }
    });
    let unit = if record.dataset.grey_scale.is_some() { "°C" } else { "share of full white" };
    let known = record.dataset.grey_scale.is_some();
    let name = if known { "apparent temperature, °C" } else { "grey value, 0 to 1" };
    let legends = vec![
        Legend { name: name.into(), range: range.map(f64::from), scale: Scale::Inferno },
        Legend {
            name: format!("change against the twin, {unit}"),
            range: [0.0, f64::from(most) * per_grey],
            scale: Scale::Viridis,
        },
    ];
    (examples.collect(), legends)
}

/// All examples and their scales on one sheet.
pub fn draw(examples: &[Example], legends: &[Legend], rows: &[Vec<String>]) -> Option<String> {
    // An example may lack a map: its detector did not score it.
    let columns: Vec<String> =
        examples.iter().max_by_key(|e| e.panes.len())?.panes.iter().map(|p| p.caption.clone()).collect();
    let pictures = |example: &Example| -> Vec<Option<String>> {
        let under = |column: &String| example.panes.iter().find(|pane| pane.caption == *column);
        columns.iter().map(|column| Some(under(column)?.address.clone())).collect()
    };
    let legends: String = legends
        .iter()
        .enumerate()
        .map(|(i, legend)| format!("<g transform=\"translate({} 0)\">{}</g>", i * 300, legend_marks(legend)))
        .collect();
    let sheet = Sheet {
        title: "Examples of every defect".into(),
        rows: rows.iter().cloned().zip(examples.iter().map(pictures)).collect(),
        columns,
        picture_px: 128.0,
        below: Some((legends, 52.0)),
    };
    Some(sheet.svg())
}

/// A colour scale as a document of its own.
pub fn legend_svg(legend: &Legend) -> String {
    super::canvas::wrap(280, 46, 1, &legend.name, &legend_marks(legend))
}

fn legend_marks(legend: &Legend) -> String {
    let [low, high] = legend.range;
    let steps = 48;
    let width = 260.0 / f64::from(steps);
    let bar: String = (0..steps)
        .map(|i| {
            let colour = hex(legend.scale.at((f64::from(i) + 0.5) / f64::from(steps)));
            // Slightly too wide, so that no seam shows between neighbours.
            format!(
                "<rect x=\"{:.2}\" y=\"18\" width=\"{:.2}\" height=\"10\" fill=\"{colour}\"/>",
                f64::from(i) * width,
                width + 0.4
            )
        })
        .collect();
    let number = |x: f64, anchor: &str, value: f64| {
        let (text, muted) = (short(value), hex(MUTED));
        format!(
            "<text x=\"{x}\" y=\"41\" font-size=\"11\" text-anchor=\"{anchor}\" fill=\"{muted}\">{text}</text>"
        )
    };
    format!(
        "<text x=\"0\" y=\"12\" font-size=\"12\" fill=\"{}\">{}</text>{bar}{}{}{}",
        hex(INK),
        escape::xml(&legend.name),
        number(0.0, "start", low),
        number(130.0, "middle", 0.5 * (low + high)),
        number(260.0, "end", high)
    )
}

struct Pictures {
    image: Option<Grey>,
    twin: Option<Grey>,
    mask: Option<Grey>,
    nominal: Option<Grey>,
    change: Option<Grey>,
}

impl Pictures {
    fn read(entry: &GalleryEntry, assets: &Assets<'_>) -> Self {
        let open = |file: &Option<String>| file.as_deref().and_then(|file| assets.grey(file));
        let (image, twin) = (assets.grey(&entry.image), open(&entry.twin));
        // The exact change, whatever scale the file of the change map has.
        let change = match (&image, &twin) {
            (Some(a), Some(b)) if a.values.len() == b.values.len() => {
                let values = a.values.iter().zip(&b.values).map(|(x, y)| (x - y).abs()).collect();
                Some(Grey { width: a.width, values })
            }
            _ => open(&entry.change),
        };
        Self { image, twin, mask: open(&entry.mask), nominal: open(&entry.nominal), change }
    }
}

fn panes(
    pictures: &Pictures,
    entry: &GalleryEntry,
    assets: &Assets<'_>,
    colour: &dyn Fn(&Grey) -> Picture,
    most: f32,
) -> Vec<Pane> {
    let placed = |caption: &str, picture: Option<Picture>| Pane {
        caption: caption.into(),
        note: String::new(),
        address: data_uri(&picture.unwrap_or_else(|| assets.placeholder()).png()),
        smooth: false,
    };
    let grey = |grey: &Grey| Picture::grey(&grey.values, grey.width);
    let mut panes = Vec::new();
    if entry.nominal.is_some() {
        panes.push(placed("nominal slice", pictures.nominal.as_ref().map(grey)));
    }
    panes.push(placed("image", pictures.image.as_ref().map(colour)));
    if entry.twin.is_some() {
        panes.push(placed("healthy twin", pictures.twin.as_ref().map(colour)));
        let change = pictures.change.as_ref();
        let coloured = |c: &Grey| Picture::false_colour(&c.values, c.width, [0.0, most], Scale::Viridis);
        panes.push(placed("change", change.map(coloured)));
    }
    let inside: Option<Vec<bool>> =
        pictures.mask.as_ref().map(|mask| mask.values.iter().map(|&v| v > 0.5).collect());
    let whole = inside.as_ref().is_some_and(|inside| inside.iter().all(|&i| i));
    let outlined = |picture: &Picture, inside: &[bool], line: Rgb| {
        picture.outlined(inside, 256usize.div_ceil(picture.width.max(1)).clamp(1, 4), line)
    };
    if entry.mask.is_some() {
        let both = pictures.image.as_ref().zip(inside.as_ref());
        let footprint = both.map(|(image, inside)| outlined(&colour(image), inside, OUTLINE));
        let note = if whole { "the whole layer".into() } else { String::new() };
        panes.push(Pane { note, smooth: true, ..placed("footprint", footprint) });
    }
    for map in &entry.maps {
        let picture = assets.picture(&map.file);
        let drawn = match &inside {
            Some(inside) if !whole => outlined(&picture, inside, OUTLINE_ON_MAP),
            _ => picture,
        };
        let [low, high] = map.range.map(short);
        let caption = format!("{} map", map.detector);
        let note = format!("{low} to {high}");
        panes.push(Pane { caption, note, address: data_uri(&drawn.png()), smooth: false });
    }
    panes
}

fn to_temperature(scale: Option<GreyScale>, value: f32) -> f32 {
    match scale {
        Some(GreyScale { black_c, white_c }) => (black_c + f64::from(value) * (white_c - black_c)) as f32,
        None => value,
    }
}

/// Where nearly all values lie: 0.1 % at each end may be beyond.
fn spread(values: impl Iterator<Item = f32>) -> [f32; 2] {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    match sorted.len() {
        0 => [0.0, 1.0],
        n => [sorted[n / 1000], sorted[n - 1 - n / 1000]],
    }
}
