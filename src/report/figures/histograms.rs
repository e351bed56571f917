//! Score distributions by defect (Zeiser et al. 2023, Fig. 7): one row per class on one axis, so that
//! no class hides another and no reader has to match colours with a legend.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{self, Area, Drawn, bold, dashed, document, font, line, rgb, shortened, stroke, write};
use crate::report::colour::{self, GRID, HEALTHY, INK, MUTED, Rgb};
use crate::report::numbers::{area_estimate, count, percent};
use crate::report::record::{Component, Detector, Record};

const WIDTH: f64 = 520.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 62.0;
const TOP: f64 = 58.0;
const ROW: f64 = 34.0;
const BOTTOM: f64 = 42.0;
const BINS: usize = 56;

struct Row<'a> {
    name: &'a str,
    colour: Rgb,
    values: Vec<f64>,
    above: Option<f64>,
}

/// The distribution of one score.
pub fn draw(record: &Record, detector: &Detector, component: &Component) -> String {
    let rows = rows(record, detector, component);
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let title = format!("Distribution of the score {} of {} by defect", component.name, detector.name);
    let note = detector.scored_images.as_ref().map_or(String::new(), |scored| {
        format!(", {} of {} images", count(scored.len()), count(record.test_images.len()))
    });
    document(WIDTH as i32, height as i32, &title, |area| {
        panel(area, detector, component, (&rows, &note), height)
    })
}

fn rows<'a>(record: &'a Record, detector: &Detector, component: &Component) -> Vec<Row<'a>> {
    let images = record.scored(detector);
    let of = |class: Option<&str>| {
        let scored = images.iter().map(|&i| &record.test_images[i]).zip(&component.values);
        scored.filter(|(image, _)| image.defect.as_deref() == class).map(|(_, &v)| v).collect::<Vec<f64>>()
    };
    let threshold = component.threshold.as_ref();
    let healthy = Row {
        name: "healthy",
        colour: HEALTHY,
        values: of(None),
        above: threshold.map(|t| t.healthy_above.rate),
    };
    let defects = record.defects().into_iter().enumerate().map(|(i, name)| Row {
        name,
        colour: colour::defect(i),
        values: of(Some(name)),
        above: threshold.and_then(|t| Some(t.defects_above.iter().find(|d| d.defect == name)?.share.rate)),
    });
    [healthy].into_iter().chain(defects).filter(|row| !row.values.is_empty()).collect()
}

fn panel(
    area: &Area<'_>,
    detector: &Detector,
    component: &Component,
    (rows, note): (&[Row<'_>], &str),
    height: f64,
) -> Drawn {
    area.fill(&WHITE)?;
    let headline = if component.headline { " (headline)" } else { "" };
    let title = format!("{}: {}{headline}", detector.name, component.name);
    write(area, &title, 10.0, 20.0, &bold(14.0, INK, HPos::Left, VPos::Center))?;
    if let Some(auroc) = &component.auroc {
        let text = format!("AUROC {}", area_estimate(auroc));
        write(area, &text, WIDTH - 10.0, 20.0, &font(12.5, INK, HPos::Right, VPos::Center))?;
    }
    let axis = Axis::choose(component.values.iter().copied());
    let (left, right, bottom) = (LEFT, WIDTH - RIGHT, height - BOTTOM);
    let x = |value: f64| left + axis.place(value) * (right - left);
    for (place, label) in axis.ticks(6) {
        let at = left + place * (right - left);
        line(area, (at, TOP), (at, bottom), stroke(GRID, 1.0))?;
        write(area, &label, at, bottom + 6.0, &font(11.0, MUTED, HPos::Center, VPos::Top))?;
    }
    let caption = format!("anomaly score{}{note}", axis.note());
    write(area, &caption, left, height - 12.0, &font(11.0, MUTED, HPos::Left, VPos::Center))?;
    distributions(area, &axis, rows, height)?;
    for (i, row) in rows.iter().enumerate() {
        let base = TOP + ROW * (i + 1) as f64;
        line(area, (left, base), (right, base), stroke([0xb4, 0xbc, 0xc3], 1.0))?;
        let style = font(12.0, INK, HPos::Right, VPos::Center);
        write(area, &shortened(row.name, 12.0, LEFT - 14.0), left - 8.0, base - 9.0, &style)?;
        if let Some(above) = row.above {
            write(
                area,
                &percent(above),
                WIDTH - 10.0,
                base - 9.0,
                &font(12.0, INK, HPos::Right, VPos::Center),
            )?;
        }
    }
    if let Some(threshold) = &component.threshold {
        dashed(area, x(threshold.value), (TOP - 8.0, bottom), INK)?;
        let label = format!("{:.0} % of healthy images below", 100.0 * threshold.quantile);
        let width = canvas::text_width(&label, 11.0);
        let middle = x(threshold.value).clamp(left + width / 2.0, right - width / 2.0);
        write(area, &label, middle, TOP - 17.0, &font(11.0, MUTED, HPos::Center, VPos::Center))?;
        write(area, "above", WIDTH - 10.0, TOP - 17.0, &font(11.0, MUTED, HPos::Right, VPos::Center))?;
    }
    Ok(())
}

/// The filled steps of every row, each scaled to its own highest bin.
fn distributions(area: &Area<'_>, axis: &Axis, rows: &[Row<'_>], height: f64) -> Drawn {
    let unit = f64::from(canvas::UNIT);
    let plot = area.clone().margin(TOP * unit, BOTTOM * unit, LEFT * unit, RIGHT * unit);
    let mut chart = ChartBuilder::on(&plot).build_cartesian_2d(0.0..1.0, 0.0..(height - TOP - BOTTOM))?;
    for (i, row) in rows.iter().enumerate() {
        let base = ROW * (rows.len() - 1 - i) as f64;
        let mut bins = [0usize; BINS];
        for &value in &row.values {
            bins[((axis.place(value) * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        let tallest = bins.iter().copied().max().unwrap_or(1).max(1) as f64;
        let steps = bins.iter().enumerate().flat_map(|(b, &count)| {
            let y = base + 0.86 * ROW * count as f64 / tallest;
            [(b as f64 / BINS as f64, y), ((b + 1) as f64 / BINS as f64, y)]
        });
        // Empty bins at both ends would draw a coloured line along the baseline.
        let steps: Vec<(f64, f64)> = steps.collect();
        let filled = |p: &(f64, f64)| p.1 > base;
        let (Some(first), Some(last)) = (steps.iter().position(filled), steps.iter().rposition(filled))
        else {
            continue;
        };
        let style = rgb(row.colour);
        let outline = stroke(row.colour, 1.25);
        let steps = steps[first..=last].to_vec();
        chart.draw_series(AreaSeries::new(steps, base, style.mix(0.55)).border_style(outline))?;
    }
    Ok(())
}
