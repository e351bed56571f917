//! Rows of small pictures with headings, as one drawing.

use super::canvas::{text_width, wrap};
use crate::report::colour::{INK, MUTED, hex};
use crate::report::escape;

/// A sheet of pictures.
pub struct Sheet {
    /// What a screen reader says, and the heading.
    pub title: String,
    /// One heading per column.
    pub columns: Vec<String>,
    /// Lines of text left of the row (the first in bold) and the pictures as data addresses.
    pub rows: Vec<(Vec<String>, Vec<Option<String>>)>,
    /// Side of a picture in CSS px.
    pub picture_px: f64,
    /// More SVG below the rows, with its height in CSS px; it starts at (0, 0).
    pub below: Option<(String, f64)>,
}

impl Sheet {
    /// The sheet as a document.
    pub fn svg(&self) -> String {
        let (gap, size) = (8.0, self.picture_px);
        let lines = self.rows.iter().flat_map(|(lines, _)| lines);
        let left = 16.0 + lines.map(|l| text_width(l, 12.0) * 1.05).fold(30.0, f64::max) + 12.0;
        let across = left + (size + gap) * self.columns.len() as f64 + 8.0;
        let width = across.max(text_width(&self.title, 15.0) + 40.0);
        let top = 64.0;
        let rows_height = (size + gap) * self.rows.len() as f64;
        let height = top + rows_height + 8.0 + self.below.as_ref().map_or(0.0, |b| b.1);
        let (ink, muted) = (hex(INK), hex(MUTED));
        let mut svg = format!("<rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#fff\"/>");
        let title = escape::xml(&self.title);
        svg += &format!(
            "<text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\" fill=\"{ink}\">{title}</text>"
        );
        for (i, column) in self.columns.iter().enumerate() {
            let x = left + (size + gap) * i as f64 + size / 2.0;
            let font = (12.0 * size / text_width(column, 12.0)).clamp(8.0, 12.0);
            let name = escape::xml(column);
            svg += &format!(
                "<text x=\"{x:.1}\" y=\"54\" font-size=\"{font:.1}\" text-anchor=\"middle\" fill=\"{muted}\">{name}</text>"
            );
        }
        for (r, (lines, pictures)) in self.rows.iter().enumerate() {
            let y = top + (size + gap) * r as f64;
            let first = y + size / 2.0 + 4.0 - 8.0 * (lines.len() as f64 - 1.0);
            for (i, text) in lines.iter().enumerate() {
                let (weight, fill) = if i == 0 { (600, &ink) } else { (400, &muted) };
                let (y, text) = (first + 16.0 * i as f64, escape::xml(text));
                svg += &format!(
                    "<text x=\"16\" y=\"{y:.1}\" font-size=\"12\" font-weight=\"{weight}\" fill=\"{fill}\">{text}</text>"
                );
            }
            for (c, picture) in pictures.iter().enumerate() {
                let x = left + (size + gap) * c as f64;
                if let Some(address) = picture {
                    svg += &format!(
                        "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{size}\" height=\"{size}\" style=\"image-rendering:pixelated\" href=\"{address}\"/>"
                    );
                }
            }
        }
        if let Some((below, _)) = &self.below {
            svg += &format!("<g transform=\"translate(16 {:.1})\">{below}</g>", top + rows_height + 4.0);
        }
        wrap(width as i32, height as i32, 1, &self.title, &svg)
    }
}
