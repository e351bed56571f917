//! How well every detector ranks where the process varies otherwise than in training: a drawing for each shift of several widths,
//! and one for all that have but one.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{
    Area, Drawn, UNIT, at, bold, dashed, document, font, in_lines, line, rgb, shortened, stroke, write,
};
use super::{Figure, slug};
use crate::report::colour::{self, GRID, INK, MUTED, Rgb};
use crate::report::numbers::short;
use crate::report::record::{Component, Detector, Estimate, Record, ShiftPoint};

const WIDTH: f64 = 520.0;
/// With one line of scores in the legend.
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
/// As [`HEIGHT`].
const TOP: f64 = 66.0;
const BOTTOM: f64 = 46.0;
const LEGEND_LEFT: f64 = 10.0;
const LEGEND_LINE: f64 = 17.0;
/// Detectors in colour, the first of the scenario; the others are grey.
const COLOURED: usize = 6;
/// Other detectors.
const OTHERS: Rgb = [0xb9, 0xc1, 0xc8];
/// So far apart are the marks of two detectors at one width.
const STEP: f64 = 5.0;

/// A place on the horizontal axis, 0 to 1, what stands below it, and the detectors' figures there.
struct Stop {
    place: f64,
    label: String,
    areas: Vec<Option<Estimate>>,
}

/// A detector and the score of it that ranks best on the scenario's own test images.
type Best<'a> = (&'a Detector, &'a Component);

/// One drawing per shift with several widths; then one of the others, beside the scenario's own test images.
pub fn draw_all(record: &Record) -> Vec<Figure> {
    let scores: Vec<Best<'_>> = record.detectors.iter().filter_map(|d| Some((d, d.best_score()?))).collect();
    let seen = |(d, c): &&Best<'_>| {
        let mut points = record.shifts.iter().flat_map(|shift| &shift.points);
        points.any(|point| point.score(&d.name, &c.name).is_some())
    };
    let scores: Vec<Best<'_>> = scores.iter().filter(seen).copied().collect();
    let areas = |point: &ShiftPoint| -> Vec<Option<Estimate>> {
        scores.iter().map(|(d, c)| point.score(&d.name, &c.name)?.auroc).collect()
    };
    let (several, single): (Vec<_>, Vec<_>) = record.shifts.iter().partition(|s| s.points.len() > 1);
    let mut figures = Vec::new();
    for shift in several {
        let [least, most] = [shift.points.first(), shift.points.last()].map(|p| p.map_or(0.0, |p| p.width));
        let pad = 0.06 * (most - least);
        let axis = Axis::linear(least - pad, most + pad);
        let stop = |point: &ShiftPoint| Stop {
            place: axis.place(point.width),
            label: short(point.width),
            areas: areas(point),
        };
        let stops: Vec<Stop> = shift.points.iter().map(stop).collect();
        let trained = (least..=most).contains(&1.0).then(|| axis.place(1.0));
        let below = "width of every range of the process, as a multiple of that in training";
        let title = format!("AUROC against the width of the process’s ranges: {}", shift.name);
        figures.push(figure(&shift.name, &title, legend_px(&scores), |area| {
            plot(area, &shift.name, below, &scores, &stops, Joined::At(trained))
        }));
    }
    if !single.is_empty() {
        let own = scores.iter().map(|(_, c)| c.auroc).collect();
        let own = ("as in training".to_owned(), own);
        let others = single.iter().flat_map(|s| s.points.first().map(|p| (s.name.clone(), areas(p))));
        let groups: Vec<(String, Vec<Option<Estimate>>)> = std::iter::once(own).chain(others).collect();
        let count = groups.len() as f64;
        let stop = |(i, (label, areas))| Stop { place: (f64::from(i as u32) + 0.5) / count, label, areas };
        let stops: Vec<Stop> = groups.into_iter().enumerate().map(stop).collect();
        let title = "AUROC where one thing differs from training";
        figures.push(figure("", title, legend_px(&scores), |area| {
            plot(
                area,
                "Other differences",
                "each in one respect unlike the training",
                &scores,
                &stops,
                Joined::Not,
            )
        }));
    }
    figures
}

fn figure(name: &str, title: &str, further_px: f64, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Figure {
    // The name of a shift holds a letter or a digit, so that none is called as all the others are.
    let file = if name.is_empty() { "shifts".to_owned() } else { slug(&format!("shift-{name}")) };
    Figure::new(&file, document(WIDTH as i32, (HEIGHT + further_px) as i32, title, draw))
}

/// Whether a detector's figures lie on one line.
#[derive(Clone, Copy)]
enum Joined {
    /// They do; where on the axis the training was, if on it.
    At(Option<f64>),
    /// They do not.
    Not,
}

fn plot(
    area: &Area<'_>,
    title: &str,
    below: &str,
    scores: &[Best<'_>],
    stops: &[Stop],
    joined: Joined,
) -> Drawn {
    area.fill(&WHITE)?;
    write(area, title, 10.0, 18.0, &bold(14.0, INK, HPos::Left, VPos::Center))?;
    legend(area, scores)?;
    let (top, height) = (TOP + legend_px(scores), HEIGHT + legend_px(scores));
    let (right, bottom) = (WIDTH - RIGHT, height - BOTTOM);
    let all = || stops.iter().flat_map(|stop| stop.areas.iter().flatten());
    let least = all().map(|e| e.interval.map_or(e.value, |[low, _]| low)).fold(0.5, f64::min);
    let up = Axis::linear((10.0 * least).floor() / 10.0, 1.0);
    let x = |place: f64| LEFT + place * (right - LEFT);
    let y = |value: f64| bottom - up.place(value) * (bottom - top);
    for (place, label) in up.ticks(6) {
        let at = bottom - place * (bottom - top);
        line(area, (LEFT, at), (right, at), stroke(GRID, 1.0))?;
        write(area, &label, LEFT - 6.0, at, &font(10.5, MUTED, HPos::Right, VPos::Center))?;
    }
    line(area, (LEFT, y(0.5)), (right, y(0.5)), stroke(MUTED, 1.0))?;
    write(area, "chance", right, y(0.5) - 3.0, &font(10.5, MUTED, HPos::Right, VPos::Bottom))?;
    let caption = font(11.0, MUTED, HPos::Left, VPos::Center);
    write(area, &format!("AUROC; {below}"), LEFT, height - 10.0, &caption)?;
    if let Joined::At(Some(trained)) = joined {
        dashed(area, x(trained), (top - 4.0, bottom), MUTED)?;
        let label = font(10.5, MUTED, HPos::Center, VPos::Center);
        write(area, "as in training", x(trained), top - 10.0, &label)?;
    }
    let room = (right - LEFT) / stops.len().max(1) as f64;
    for stop in stops {
        line(area, (x(stop.place), bottom), (x(stop.place), bottom + 3.0), stroke(MUTED, 1.0))?;
        let label = font(10.5, MUTED, HPos::Center, VPos::Top);
        write(area, &shortened(&stop.label, 10.5, room), x(stop.place), bottom + 6.0, &label)?;
    }
    for index in 0..scores.len() {
        let aside = STEP * (index as f64 - 0.5 * (scores.len() as f64 - 1.0));
        let colour = colour_of(index);
        let known: Vec<(f64, Estimate)> =
            stops.iter().filter_map(|stop| Some((x(stop.place) + aside, stop.areas[index]?))).collect();
        if let Joined::At(_) = joined {
            let points: Vec<_> = known.iter().map(|(x, estimate)| at(*x, y(estimate.value))).collect();
            area.draw(&PathElement::new(points, stroke(colour, 2.0)))?;
        }
        for (x, Estimate { value, interval }) in known {
            if let Some([low, high]) = interval {
                line(area, (x, y(low)), (x, y(high)), stroke(colour, 1.5))?;
            }
            area.draw(&Circle::new(at(x, y(value)), 4 * UNIT, rgb(colour).filled()))?;
        }
    }
    Ok(())
}

/// What the legend names, in the colour of each.
fn entries(scores: &[Best<'_>]) -> Vec<(String, Rgb)> {
    let name = |(index, (detector, component)): (usize, &Best<'_>)| {
        (format!("{} {}", detector.name, component.name), colour_of(index))
    };
    let named = scores.iter().take(COLOURED).enumerate().map(name);
    named.chain((scores.len() > COLOURED).then(|| ("others".to_owned(), OTHERS))).collect()
}

/// Height of the legend's lines but the first.
fn legend_px(scores: &[Best<'_>]) -> f64 {
    LEGEND_LINE * (in_legend(&entries(scores)).1 - 1) as f64
}

fn in_legend(entries: &[(String, Rgb)]) -> (Vec<(f64, usize)>, usize) {
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    in_lines(&names, LEGEND_LEFT, WIDTH - RIGHT)
}

fn legend(area: &Area<'_>, scores: &[Best<'_>]) -> Drawn {
    let entries = entries(scores);
    for ((name, colour), (x, line)) in entries.iter().zip(in_legend(&entries).0) {
        let y = 38.0 + LEGEND_LINE * line as f64;
        area.draw(&Circle::new(at(x + 4.0, y), 4 * UNIT, rgb(*colour).filled()))?;
        write(area, name, x + 13.0, y, &font(11.5, INK, HPos::Left, VPos::Center))?;
    }
    Ok(())
}

fn colour_of(index: usize) -> Rgb {
    if index < COLOURED { colour::defect(index) } else { OTHERS }
}
