//! The two heat tables as drawings: representation x separator (Zeiser et al. 2023, Table 2) and score x
//! defect. The page shows the same numbers as HTML tables, which read better on a small screen.

use super::canvas::{text_width, wrap};
use crate::report::colour::{INK, MUTED, cell, hex, text_on};
use crate::report::escape;
use crate::report::numbers::{area, half_width, percent_bare};
use crate::report::record::{Outcome, Record};

const CELL: f64 = 118.0;
const ROW: f64 = 34.0;
const HEADER: f64 = 74.0;

struct Table {
    title: String,
    note: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
}

struct Cell {
    text: String,
    /// Decides the colour; none leaves the cell empty.
    rate: Option<f64>,
    marked: bool,
}

/// Balanced accuracy of every pair.
pub fn accuracy(record: &Record) -> Option<String> {
    let cell = |representation: &str, separator: &String| {
        let found = record.separation(representation, separator);
        let named = record.named.as_ref();
        let marked = named.is_some_and(|n| n.representation == representation && n.separator == *separator);
        match found.map(|s| &s.outcome) {
            Some(Outcome::Judged(judgement)) => {
                let rate = judgement.balanced_accuracy.value;
                let width = judgement.balanced_accuracy.interval.map(|i| format!(" {}", half_width(i)));
                Cell { text: percent_bare(rate) + &width.unwrap_or_default(), rate: Some(rate), marked }
            }
            _ => Cell { text: "–".into(), rate: None, marked },
        }
    };
    let rows = record.representations.iter().map(|r| {
        let label = format!("{} ({} d)", r.name, r.dimension);
        (label, record.separators.iter().map(|s| cell(&r.name, s)).collect())
    });
    let note = if record.named.is_some() { "Outlined: the pair named before the run." } else { "" };
    draw(&Table {
        title: "Balanced accuracy in % of every representation and separator".into(),
        note: note.into(),
        columns: record.separators.clone(),
        rows: rows.collect(),
    })
}

/// Area under the ROC curve of every score for every defect.
pub fn defects(record: &Record) -> Option<String> {
    let columns: Vec<String> = record.defects().into_iter().map(str::to_owned).collect();
    let rows = record.components().filter(|(_, c)| !c.auroc_by_defect.is_empty());
    let rows = rows.map(|(detector, component)| {
        let cells = columns.iter().map(|defect| {
            let rate = component.auroc_by_defect.iter().find(|d| d.defect == *defect).map(|d| d.value);
            Cell { text: rate.map_or("–".into(), area), rate, marked: false }
        });
        (format!("{}: {}", detector.name, component.name), cells.collect())
    });
    draw(&Table {
        title: "AUROC of every score for every defect".into(),
        note: String::new(),
        rows: rows.collect(),
        columns,
    })
}

fn draw(table: &Table) -> Option<String> {
    if table.rows.is_empty() || table.columns.is_empty() {
        return None;
    }
    let widest = table.rows.iter().map(|(label, _)| text_width(label, 13.0)).fold(120.0, f64::max);
    let left = widest + 36.0;
    let width = (left + CELL * table.columns.len() as f64 + 16.0).max(text_width(&table.title, 15.0) + 60.0);
    let height = HEADER + ROW * table.rows.len() as f64 + 34.0;
    let mut svg = format!("<rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#fff\"/>");
    let (ink, muted) = (hex(INK), hex(MUTED));
    let title = escape::xml(&table.title);
    svg += &format!(
        "<text x=\"16\" y=\"28\" font-size=\"15\" font-weight=\"600\" fill=\"{ink}\">{title}</text>"
    );
    for (i, column) in table.columns.iter().enumerate() {
        let x = left + CELL * (i as f64 + 0.5);
        let size = (13.0 * (CELL - 6.0) / text_width(column, 13.0)).clamp(8.0, 13.0);
        let name = escape::xml(column);
        svg += &format!(
            "<text x=\"{x:.1}\" y=\"60\" font-size=\"{size:.1}\" text-anchor=\"middle\" fill=\"{muted}\">{name}</text>"
        );
    }
    let mut outlines = String::new();
    for (r, (label, cells)) in table.rows.iter().enumerate() {
        let y = HEADER + ROW * r as f64;
        let middle = y + ROW / 2.0 + 4.5;
        let label = escape::xml(label);
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" font-size=\"13\" text-anchor=\"end\" fill=\"{ink}\">{label}</text>",
            left - 12.0
        );
        for (c, entry) in cells.iter().enumerate() {
            let x = left + CELL * c as f64;
            let (fill, text) = match entry.rate {
                Some(rate) => (hex(cell(rate)), hex(text_on(cell(rate)))),
                None => ("#fff".to_owned(), muted.clone()),
            };
            svg += &format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>",
                x + 1.0,
                y + 1.0,
                CELL - 2.0,
                ROW - 2.0
            );
            if entry.marked {
                outlines += &format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2.5\"/>",
                    x + 1.0,
                    y + 1.0,
                    CELL - 2.0,
                    ROW - 2.0
                );
            }
            let (x, value) = (x + CELL / 2.0, escape::xml(&entry.text));
            svg += &format!(
                "<text x=\"{x:.1}\" y=\"{middle:.1}\" font-size=\"13\" text-anchor=\"middle\" fill=\"{text}\">{value}</text>"
            );
        }
    }
    let note = escape::xml(&table.note);
    svg += &outlines;
    svg +=
        &format!("<text x=\"16\" y=\"{:.1}\" font-size=\"12\" fill=\"{muted}\">{note}</text>", height - 12.0);
    Some(wrap(width as i32, height as i32, 1, &table.title, &svg))
}
