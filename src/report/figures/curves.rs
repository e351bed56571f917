//! Losses over training: one small drawing per loss, training and validation of the same loss together.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{self, Area, Drawn, bold, document, font, line, rgb, stroke, write};
use super::{Figure, slug};
use crate::report::colour::{GRID, INK, MUTED, Rgb};
use crate::report::record::{Curve, Detector};

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 40.0;
/// Points drawn of a curve; more are averaged in as many runs.
const MOST_POINTS: usize = 240;
const TRAINING: Rgb = [0x00, 0x72, 0xb2];
const VALIDATION: Rgb = [0xd5, 0x5e, 0x00];

/// The losses of a detector, in the order in which they appear.
pub fn draw_all(detector: &Detector) -> Vec<Figure> {
    let mut panels: Vec<(&str, String, Vec<&Curve>)> = Vec::new();
    for curve in detector.curves.iter().filter(|c| !c.points.is_empty()) {
        let loss = loss_name(&curve.name);
        match panels.iter_mut().find(|(stage, name, _)| *stage == curve.stage && *name == loss) {
            Some((_, _, curves)) => curves.push(curve),
            None => panels.push((&curve.stage, loss, vec![curve])),
        }
    }
    let figure = |(i, (stage, loss, curves)): (usize, &(&str, String, Vec<&Curve>))| {
        let title = format!("{stage}: {loss}");
        let label = format!("{loss} over the training steps of {stage}, {}", detector.name);
        let svg = document(WIDTH as i32, HEIGHT as i32, &label, |area| plot(area, &title, curves));
        Figure::new(&slug(&format!("training-{}-{:02}-{stage}-{loss}", detector.name, i + 1)), svg)
    };
    panels.iter().enumerate().map(figure).collect()
}

fn is_validation(name: &str) -> bool {
    name.to_lowercase().contains("validation")
}

/// The loss without the word that says on which images it was computed.
fn loss_name(name: &str) -> String {
    let words = name.split_whitespace().filter(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        !["training", "train", "validation"].contains(&word.as_str())
    });
    let left: Vec<&str> = words.collect();
    if left.is_empty() { "loss".to_owned() } else { left.join(" ").trim_matches([',', ' ']).to_owned() }
}

fn plot(area: &Area<'_>, title: &str, curves: &[&Curve]) -> Drawn {
    area.fill(&WHITE)?;
    write(area, title, 10.0, 16.0, &bold(13.0, INK, HPos::Left, VPos::Center))?;
    let drawn: Vec<Vec<(f64, f64)>> = curves.iter().map(|c| averaged(&c.points)).collect();
    let last = drawn.iter().flatten().map(|p| p.0).fold(1.0, f64::max);
    let across = Axis::linear(0.0, last);
    let up = Axis::choose(drawn.iter().flatten().map(|p| p.1));
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (place, label) in across.ticks(5) {
        let at = LEFT + place * (right - LEFT);
        write(area, &label, at, bottom + 6.0, &font(10.5, MUTED, HPos::Center, VPos::Top))?;
    }
    for (place, label) in up.ticks(4) {
        let at = bottom - place * (bottom - TOP);
        line(area, (LEFT, at), (right, at), stroke(GRID, 1.0))?;
        write(area, &label, LEFT - 6.0, at, &font(10.5, MUTED, HPos::Right, VPos::Center))?;
    }
    let note = match up.note() {
        note if note.is_empty() => note,
        note => format!("; vertical axis{note}"),
    };
    let caption = font(10.5, MUTED, HPos::Left, VPos::Center);
    write(area, &format!("training step{note}"), LEFT, HEIGHT - 9.0, &caption)?;
    let unit = f64::from(canvas::UNIT);
    let plot = area.clone().margin(TOP * unit, BOTTOM * unit, LEFT * unit, RIGHT * unit);
    let mut chart = ChartBuilder::on(&plot).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    for (curve, points) in curves.iter().zip(&drawn) {
        let colour = if is_validation(&curve.name) { VALIDATION } else { TRAINING };
        let points = points.iter().map(|&(step, value)| (across.place(step), up.place(value)));
        chart.draw_series(LineSeries::new(points, stroke(colour, 1.5)))?;
        if let [(step, value)] = curve.points[..] {
            let only = (across.place(step as f64), up.place(value));
            chart.draw_series([Circle::new(only, 3 * canvas::UNIT, rgb(colour).filled())])?;
        }
    }
    if curves.len() > 1 {
        let mut x = LEFT;
        for (name, colour) in [("training", TRAINING), ("validation", VALIDATION)] {
            line(area, (x, 33.0), (x + 14.0, 33.0), stroke(colour, 2.0))?;
            write(area, name, x + 19.0, 33.0, &font(10.5, INK, HPos::Left, VPos::Center))?;
            x += 84.0;
        }
    }
    Ok(())
}

/// At most [`MOST_POINTS`] points: means of as many runs of equal length.
fn averaged(points: &[(usize, f64)]) -> Vec<(f64, f64)> {
    let run = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |chunk: &[(usize, f64)]| {
        let n = chunk.len() as f64;
        (chunk.iter().map(|p| p.0 as f64).sum::<f64>() / n, chunk.iter().map(|p| p.1).sum::<f64>() / n)
    };
    points.chunks(run).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_training_and_validation_share_a_drawing() {
        let curve =
            |name: &str| Curve { stage: "vae".into(), name: name.into(), points: vec![(0, 1.0), (1, 0.5)] };
        let names = ["training loss", "validation loss", "KL divergence", "reconstruction (validation)"];
        let detector =
            Detector { name: "vae".into(), curves: names.map(curve).to_vec(), ..Detector::default() };
        let files: Vec<String> = draw_all(&detector).into_iter().map(|f| f.file).collect();
        assert_eq!(
            files,
            [
                "figures/training-vae-01-vae-loss.svg",
                "figures/training-vae-02-vae-KL-divergence.svg",
                "figures/training-vae-03-vae-reconstruction.svg"
            ]
        );
        assert_eq!(averaged(&(0..480).map(|i| (i, 1.0)).collect::<Vec<_>>()).len(), 240);
    }
}
