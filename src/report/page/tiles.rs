//! A page of named pictures, in the report's style: what `synthgen gallery` writes.

use maud::{Markup, html};

use super::document;
use crate::report::picture::data_uri;

/// A group of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileSection {
    /// Its heading.
    pub heading: String,
    /// One or two sentences below it.
    pub text: String,
    /// The pictures.
    pub tiles: Vec<PageTile>,
    /// Whether each needs much room.
    pub wide: bool,
}

/// A picture with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageTile {
    /// The name.
    pub name: String,
    /// What one sees.
    pub caption: String,
    /// Where it comes from (a paper), or a setting; set in code type where not empty.
    pub note: String,
    /// A PNG file.
    pub png: Vec<u8>,
}

/// One HTML document with every section, pictures embedded.
pub fn tiles_page(title: &str, lead: &str, sections: &[TileSection]) -> String {
    let body = html! {
        header {
            p.overline { "synthgen" }
            h1 { (title) }
            p.facts { (lead) }
        }
        main { @for section in sections { (one(section)) } }
    };
    document(title, body)
}

fn one(section: &TileSection) -> Markup {
    html! {
        section {
            h2 { (section.heading) }
            @if !section.text.is_empty() { p.lead { (section.text) } }
            div.tiles.wide[section.wide] { @for tile in &section.tiles {
                figure {
                    img src=(data_uri(&tile.png)) alt={ (tile.name) ": " (tile.caption) };
                    figcaption {
                        b { (tile.name) } " " (tile.caption)
                        @if !tile.note.is_empty() { br; code { (tile.note) } }
                    }
                }
            } }
        }
    }
}
