//! How faint a defect may be: the best score against contrast-to-noise, one point per test image.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, UNIT, at, bold, document, font, in_lines, line, rgb, stroke, write};
use super::{Figure, slug};
use crate::report::colour::{self, GRID, INK, MUTED, Rgb};
use crate::report::record::{Component, Detector, Record, TestImage};

const WIDTH: f64 = 520.0;
/// With one line of defects in the legend.
const HEIGHT: f64 = 376.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
/// As [`HEIGHT`].
const TOP: f64 = 80.0;
const BOTTOM: f64 = 48.0;
const LEGEND_LEFT: f64 = 12.0;
const LEGEND_LINE: f64 = 17.0;
/// Where scores look healthy.
const BAND: Rgb = [0xed, 0xf0, 0xf2];

/// One drawing per detector with a ranked score, where the contrast of the defects is known.
pub fn draw_all(record: &Record) -> Vec<Figure> {
    let known = record.test_images.iter().filter(|i| i.cnr_image.is_some()).count();
    if known < 2 {
        return Vec::new();
    }
    let best = record.detectors.iter().filter_map(|detector| Some((detector, detector.best_score()?)));
    let height = HEIGHT + LEGEND_LINE * (placed(record).1 - 1) as f64;
    best.map(|(detector, component)| {
        let title = format!("Score {} of {} against contrast-to-noise", component.name, detector.name);
        let svg = document(WIDTH as i32, height as i32, &title, |area| {
            plot(area, record, detector, component, height)
        });
        Figure::new(&slug(&format!("severity-{}", detector.name)), svg)
    })
    .collect()
}

fn plot(area: &Area<'_>, record: &Record, detector: &Detector, component: &Component, height: f64) -> Drawn {
    area.fill(&WHITE)?;
    let title = format!("{}: {}", detector.name, component.name);
    write(area, &title, 10.0, 20.0, &bold(14.0, INK, HPos::Left, VPos::Center))?;
    legend(area, record)?;
    let known: Vec<(&TestImage, f64, f64)> = record
        .scored(detector)
        .into_iter()
        .map(|i| &record.test_images[i])
        .zip(&component.values)
        .filter_map(|(image, &score)| Some((image, image.cnr_image?, score)))
        .collect();
    let across = Axis::choose(known.iter().map(|k| k.1));
    let threshold = component.threshold.as_ref().map(|t| t.value);
    let up = Axis::choose(known.iter().map(|k| k.2).chain(threshold));
    let (right, bottom, top) = (WIDTH - RIGHT, height - BOTTOM, TOP + height - HEIGHT);
    let x = |v: f64| LEFT + across.place(v) * (right - LEFT);
    let y = |v: f64| bottom - up.place(v) * (bottom - top);
    if let Some(value) = threshold {
        let [corner, opposite] = [at(LEFT, y(value)), at(right, bottom)];
        area.draw(&Rectangle::new([corner, opposite], rgb(BAND).filled()))?;
    }
    for (place, label) in across.ticks(7) {
        let at = LEFT + place * (right - LEFT);
        line(area, (at, top), (at, bottom), stroke(GRID, 1.0))?;
        write(area, &label, at, bottom + 6.0, &font(11.0, MUTED, HPos::Center, VPos::Top))?;
    }
    for (place, label) in up.ticks(5) {
        let at = bottom - place * (bottom - top);
        line(area, (LEFT, at), (right, at), stroke(GRID, 1.0))?;
        write(area, &label, LEFT - 6.0, at, &font(11.0, MUTED, HPos::Right, VPos::Center))?;
    }
    let caption = format!("contrast-to-noise in the image{}", across.note());
    write(area, &caption, LEFT, height - 12.0, &font(11.0, MUTED, HPos::Left, VPos::Center))?;
    let defects = record.defects();
    for (image, cnr, score) in &known {
        let index = defects.iter().position(|d| Some(*d) == image.defect.as_deref()).unwrap_or(0);
        let style = rgb(colour::defect(index)).mix(0.7).filled();
        area.draw(&Circle::new(at(x(*cnr), y(*score)), 3 * UNIT, style))?;
    }
    if let Some(value) = threshold {
        line(area, (LEFT, y(value)), (right, y(value)), stroke(INK, 1.25))?;
    }
    Ok(())
}

/// Where the name of each defect begins in the legend, and how many lines that takes.
fn placed(record: &Record) -> (Vec<(f64, f64)>, usize) {
    let (places, lines) = in_lines(&record.defects(), LEGEND_LEFT, WIDTH - RIGHT);
    (places.into_iter().map(|(x, line)| (x, 44.0 + LEGEND_LINE * line as f64)).collect(), lines)
}

fn legend(area: &Area<'_>, record: &Record) -> Drawn {
    let (places, lines) = placed(record);
    for (i, (name, (x, y))) in record.defects().into_iter().zip(places).enumerate() {
        area.draw(&Circle::new(at(x + 4.0, y), 4 * UNIT, rgb(colour::defect(i)).filled()))?;
        write(area, name, x + 13.0, y, &font(11.5, INK, HPos::Left, VPos::Center))?;
    }
    let y = 58.0 + LEGEND_LINE * (lines - 1) as f64;
    area.draw(&Rectangle::new([at(12.0, y), at(26.0, y + 10.0)], rgb(BAND).filled()))?;
    line(area, (12.0, y), (26.0, y), stroke(INK, 1.25))?;
    let band = "score that 95 % of the healthy images stay below";
    write(area, band, 33.0, y + 5.0, &font(11.5, INK, HPos::Left, VPos::Center))
}
