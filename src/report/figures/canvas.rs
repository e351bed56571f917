//! The one way from plotters to an SVG document: sizes in CSS px, drawn on a grid four times as fine,
//! since plotters rounds to whole units.

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::colour::Rgb;
use crate::report::escape;

/// Units of the drawing per CSS px.
pub const UNIT: i32 = 4;

/// Names the format in a file of its own.
pub const NAMESPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// The typefaces of every drawing, and of the page.
pub const FONT: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";

/// What plotters draws on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing may end with.
pub type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A document of `width` by `height` CSS px that `draw` fills; `title` is what a screen reader says.
/// The text of the error stands in the drawing's place where plotters fails.
pub fn document(width: i32, height: i32, title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut drawn = String::new();
    let result = {
        let size = ((width * UNIT) as u32, (height * UNIT) as u32);
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    if let Err(error) = result {
        let text =
            format!("<text x=\"8\" y=\"80\" font-size=\"48\">{}</text>", escape::xml(&error.to_string()));
        return wrap(width, height, UNIT, title, &text);
    }
    let inside = drawn.split_once('>').map_or("", |(_, rest)| rest);
    let inside = inside.trim_end().strip_suffix("</svg>").unwrap_or(inside);
    wrap(
        width,
        height,
        UNIT,
        title,
        &inside.replace(" font-family=\"sans-serif\"", "").replace(" opacity=\"1\"", ""),
    )
}

/// An SVG document of `width` by `height` CSS px around `inside`, whose coordinates have `unit` units per px.
pub fn wrap(width: i32, height: i32, unit: i32, title: &str, inside: &str) -> String {
    let (w, h) = (width * unit, height * unit);
    format!(
        "<svg{NAMESPACE} viewBox=\"0 0 {w} {h}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\" font-family=\"{FONT}\">{inside}</svg>",
        escape::xml(title)
    )
}

/// A colour for plotters.
pub fn rgb([r, g, b]: Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

/// Text of `size` CSS px; its anchor is at `horizontal`, `vertical` of the text.
pub fn font(size: f64, colour: Rgb, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    // The SVG backend divides sizes by 1.24.
    let style = ("sans-serif", size * f64::from(UNIT) * 1.24).into_font().color(&rgb(colour));
    style.pos(Pos::new(horizontal, vertical))
}

/// As [`font`], bold.
pub fn bold(size: f64, colour: Rgb, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let style = ("sans-serif", size * f64::from(UNIT) * 1.24, FontStyle::Bold).into_font();
    style.color(&rgb(colour)).pos(Pos::new(horizontal, vertical))
}

/// Writes `text` at CSS px (`x`, `y`).
pub fn write(area: &Area<'_>, text: &str, x: f64, y: f64, style: &TextStyle<'_>) -> Drawn {
    area.draw(&Text::new(text.to_owned(), at(x, y), style.clone()))
}

/// A straight line between two points in CSS px.
pub fn line(area: &Area<'_>, from: (f64, f64), to: (f64, f64), style: ShapeStyle) -> Drawn {
    area.draw(&PathElement::new(vec![at(from.0, from.1), at(to.0, to.1)], style))
}

/// A dashed vertical line at `x` in CSS px.
pub fn dashed(area: &Area<'_>, x: f64, (top, bottom): (f64, f64), colour: Rgb) -> Drawn {
    let mut y = top;
    while y < bottom {
        line(area, (x, y), (x, (y + 4.0).min(bottom)), stroke(colour, 1.25))?;
        y += 7.0;
    }
    Ok(())
}

/// A line `width` CSS px wide.
pub fn stroke(colour: Rgb, width: f64) -> ShapeStyle {
    rgb(colour).stroke_width((width * f64::from(UNIT)).round() as u32)
}

/// CSS px in units of the drawing.
pub fn at(x: f64, y: f64) -> (i32, i32) {
    let unit = |v: f64| (v * f64::from(UNIT)).round() as i32;
    (unit(x), unit(y))
}

/// Where the entries of a legend stand that begins at `left` and ends at `right`, a dot before each name in 11.5 px: how far
/// from the left, and in which line, from 0; and how many lines that takes.
pub fn in_lines(names: &[&str], left: f64, right: f64) -> (Vec<(f64, usize)>, usize) {
    let (mut x, mut line) = (left, 0);
    let mut places = Vec::new();
    for name in names {
        let width = 13.0 + text_width(name, 11.5);
        if x > left && x + width > right {
            (x, line) = (left, line + 1);
        }
        places.push((x, line));
        x += width + 14.0;
    }
    (places, line + 1)
}

/// About how wide `text` is in CSS px, in the widest of the usual sans-serif typefaces.
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        c if "iljI.,:;'|".contains(c) => 0.3,
        c if "()[] frt-".contains(c) => 0.38,
        c if "mwMW".contains(c) => 0.92,
        c if c.is_uppercase() => 0.68,
        _ => 0.6,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// As much of `text` as `room` CSS px hold.
pub fn shortened(text: &str, size: f64, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while !kept.is_empty() && text_width(&kept, size) + text_width("…", size) > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}
