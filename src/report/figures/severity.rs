//! How faint a defect may be: the best score against contrast-to-noise, one point per test image.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, UNIT, at, bold, document, font, line, rgb, stroke, text_width, write};
use super::{Figure, slug};
use crate::report::colour::{self, GRID, INK, MUTED, Rgb};
use crate::report::record::{Component, Detector, Record, TestImage};

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 376.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 80.0;
const BOTTOM: f64 = 48.0;
/// Where scores look healthy.
const BAND: Rgb = [0xed, 0xf0, 0xf2];

/// One drawing per detector with a ranked score, where the contrast of the defects is known.
pub fn draw_all(record: &Record) -> Vec<Figure> {
    let known = record.test_images.iter().filter(|i| i.cnr_image.is_some()).count();
    if known < 2 {
        return Vec::new();
    }
    let best = record.detectors.iter().filter_map(|detector| Some((detector, detector.best_score()?)));
    best.map(|(detector, component)| {
        let title = format!("Score {} of {} against contrast-to-noise", component.name, detector.name);
        let svg =
            document(WIDTH as i32, HEIGHT as i32, &title, |area| plot(area, record, detector, component));
        Figure::new(&slug(&format!("severity-{}", detector.name)), svg)
    })
    .collect()
}

fn plot(area: &Area<'_>, record: &Record, detector: &Detector, component: &Component) -> Drawn {
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
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let x = |v: f64| LEFT + across.place(v) * (right - LEFT);
    let y = |v: f64| bottom - up.place(v) * (bottom - TOP);
    if let Some(value) = threshold {
        let [corner, opposite] = [at(LEFT, y(value)), at(right, bottom)];
        area.draw(&Rectangle::new([corner, opposite], rgb(BAND).filled()))?;
    }
    for (place, label) in across.ticks(7) {
        let at = LEFT + place * (right - LEFT);
        line(area, (at, TOP), (at, bottom), stroke(GRID, 1.0))?;
        write(area, &label, at, bottom + 6.0, &font(11.0, MUTED, HPos::Center, VPos::Top))?;
    }
    for (place, label) in up.ticks(5) {
        let at = bottom - place * (bottom - TOP);
        line(area, (LEFT, at), (right, at), stroke(GRID, 1.0))?;
        write(area, &label, LEFT - 6.0, at, &font(11.0, MUTED, HPos::Right, VPos::Center))?;
    }
    let caption = format!("contrast-to-noise in the image (1 = texture's own deviation){}", across.note());
    write(area, &caption, LEFT, HEIGHT - 12.0, &font(11.0, MUTED, HPos::Left, VPos::Center))?;
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

fn legend(area: &Area<'_>, record: &Record) -> Drawn {
    let mut x = 12.0;
    for (i, name) in record.defects().into_iter().enumerate() {
        let y = 44.0;
        area.draw(&Circle::new(at(x + 4.0, y), 4 * UNIT, rgb(colour::defect(i)).filled()))?;
        write(area, name, x + 13.0, y, &font(11.5, INK, HPos::Left, VPos::Center))?;
        x += 13.0 + text_width(name, 11.5) + 14.0;
    }
    let band = Rectangle::new([at(12.0, 58.0), at(26.0, 68.0)], rgb(BAND).filled());
    area.draw(&band)?;
    line(area, (12.0, 58.0), (26.0, 58.0), stroke(INK, 1.25))?;
    write(
        area,
        "score that 95 % of the healthy images stay below",
        33.0,
        63.0,
        &font(11.5, INK, HPos::Left, VPos::Center),
    )
}
