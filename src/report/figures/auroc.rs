//! How well every score ranks, with intervals, beside what trivial rules reach.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, UNIT, at, bold, dashed, document, font, line, rgb, stroke, write};
use crate::report::colour::{GRID, INK, MUTED, Rgb};
use crate::report::numbers::area_estimate;
use crate::report::record::{Estimate, Record};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 34.0;
const ROW: f64 = 26.0;
const BOTTOM: f64 = 46.0;
const ACCENT: Rgb = [0x0b, 0x6b, 0x7d];

struct Row {
    label: String,
    estimate: Estimate,
    headline: bool,
    floor: bool,
}

/// One row per score, best figures right; `None` where nothing could be ranked.
pub fn draw(record: &Record) -> Option<String> {
    let scores = record.components().filter_map(|(detector, component)| {
        let label = format!("{}: {}", detector.name, component.name);
        Some(Row { label, estimate: component.auroc?, headline: component.headline, floor: false })
    });
    let floors = record.floors.iter().map(|floor| Row {
        label: format!("trivial: {}", floor.name),
        estimate: floor.auroc,
        headline: false,
        floor: true,
    });
    let rows: Vec<Row> = scores.chain(floors).collect();
    if rows.is_empty() {
        return None;
    }
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let title = "Area under the ROC curve of every score, with 95 % intervals";
    Some(document(WIDTH as i32, height as i32, title, |area| plot(area, &rows, height)))
}

fn plot(area: &Area<'_>, rows: &[Row], height: f64) -> Drawn {
    area.fill(&WHITE)?;
    let ends = rows.iter().map(|r| r.estimate.interval.map_or(r.estimate.value, |[low, _]| low));
    let low = ends.fold(0.45, f64::min);
    let axis = Axis::linear((low * 10.0).floor() / 10.0, 1.0);
    let (right, bottom) = (WIDTH - RIGHT, height - BOTTOM);
    let x = |value: f64| LEFT + axis.place(value) * (right - LEFT);
    for (place, label) in axis.ticks(6) {
        let at = LEFT + place * (right - LEFT);
        line(area, (at, TOP), (at, bottom), stroke(GRID, 1.0))?;
        write(area, &label, at, bottom + 6.0, &font(11.0, MUTED, HPos::Center, VPos::Top))?;
    }
    dashed(area, x(0.5), (TOP - 4.0, bottom), MUTED)?;
    write(area, "chance", x(0.5), TOP - 12.0, &font(11.0, MUTED, HPos::Center, VPos::Center))?;
    let header = font(11.0, MUTED, HPos::Right, VPos::Center);
    write(area, "AUROC (95 % interval)", WIDTH - 8.0, TOP - 12.0, &header)?;
    let caption = "area under the ROC curve, all defects against healthy";
    write(area, caption, LEFT, height - 12.0, &font(11.0, MUTED, HPos::Left, VPos::Center))?;
    for (i, row) in rows.iter().enumerate() {
        let y = TOP + ROW * (i as f64 + 0.5);
        let colour = if row.floor { MUTED } else { ACCENT };
        let name = match row.headline {
            true => bold(12.5, INK, HPos::Right, VPos::Center),
            false => font(12.5, if row.floor { MUTED } else { INK }, HPos::Right, VPos::Center),
        };
        write(area, &row.label, LEFT - 12.0, y, &name)?;
        if let Some([low, high]) = row.estimate.interval {
            line(area, (x(low), y), (x(high), y), stroke(colour, 2.0))?;
        }
        let fill = if row.floor { WHITE.filled() } else { rgb(colour).filled() };
        let centre = at(x(row.estimate.value), y);
        area.draw(&Circle::new(centre, 5 * UNIT, fill))?;
        area.draw(&Circle::new(centre, 5 * UNIT, stroke(colour, 1.75)))?;
        let number = font(12.0, INK, HPos::Right, VPos::Center);
        write(area, &area_estimate(&row.estimate), WIDTH - 8.0, y, &number)?;
    }
    Ok(())
}
