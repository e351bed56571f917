//! How long one image takes, by detector: a search for its latent vector against a pass through an encoder (Zeiser et al. 2023,
//! section 5.2).

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, at, document, font, line, rgb, stroke, write};
use crate::report::colour::{GRID, INK, MUTED, Rgb};
use crate::report::numbers::short;
use crate::report::record::Record;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 12.0;
const ROW: f64 = 26.0;
const BOTTOM: f64 = 46.0;
const BAR: Rgb = [0x0b, 0x6b, 0x7d];

/// One bar per detector; `None` where fewer than two were measured.
pub fn draw(record: &Record) -> Option<String> {
    let measured =
        record.detectors.iter().filter_map(|d| Some((d.name.as_str(), d.speed.as_ref()?.alone_ms)));
    let rows: Vec<(&str, f64)> = measured.filter(|(_, ms)| *ms > 0.0).collect();
    if rows.len() < 2 {
        return None;
    }
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let title = "Milliseconds from one image to its score, by detector";
    Some(document(WIDTH as i32, height as i32, title, |area| plot(area, &rows, height)))
}

fn plot(area: &Area<'_>, rows: &[(&str, f64)], height: f64) -> Drawn {
    area.fill(&WHITE)?;
    // Bars begin at nothing, or where powers are counted, a little below the fastest.
    let [least, most] =
        [f64::min, f64::max].map(|pick| rows.iter().map(|row| row.1).reduce(pick).unwrap_or(1.0));
    let axis = match Axis::choose(rows.iter().map(|row| row.1).chain([least / 2.0])) {
        axis if axis.is_logarithmic() => axis,
        _ => Axis::linear(0.0, 1.02 * most),
    };
    let (right, bottom) = (WIDTH - RIGHT, height - BOTTOM);
    for (place, label) in axis.ticks(6) {
        let x = LEFT + place * (right - LEFT);
        line(area, (x, TOP), (x, bottom), stroke(GRID, 1.0))?;
        write(area, &label, x, bottom + 6.0, &font(11.0, MUTED, HPos::Center, VPos::Top))?;
    }
    let caption = format!("milliseconds for one image by itself{}", axis.note());
    write(area, &caption, LEFT, height - 12.0, &font(11.0, MUTED, HPos::Left, VPos::Center))?;
    for (i, (name, ms)) in rows.iter().enumerate() {
        let y = TOP + ROW * (i as f64 + 0.5);
        write(area, name, LEFT - 12.0, y, &font(12.5, INK, HPos::Right, VPos::Center))?;
        let corners = [at(LEFT, y - 7.0), at(LEFT + axis.place(*ms) * (right - LEFT), y + 7.0)];
        area.draw(&Rectangle::new(corners, rgb(BAR).filled()))?;
        let number = font(12.0, INK, HPos::Right, VPos::Center);
        write(area, &format!("{} ms", short(*ms)), WIDTH - 8.0, y, &number)?;
    }
    Ok(())
}
