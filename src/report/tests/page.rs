use std::fs;
use std::path::PathBuf;

use super::fake;
use crate::report::numbers::{
    area, area_half_width, count, duration, half_width, percent_bare, short, signed,
};
use crate::report::{FILE, Record, write};
use crate::signed::is_signed;

/// Draws the report into a temporary folder, or into `SYNTHGEN_FAKE_REPORT` for looking at it.
fn drawn() -> (PathBuf, String, Option<tempfile::TempDir>) {
    let kept = std::env::var_os("SYNTHGEN_FAKE_REPORT").map(PathBuf::from);
    let temporary = kept.is_none().then(|| tempfile::tempdir().unwrap());
    let run = kept.unwrap_or_else(|| temporary.as_ref().unwrap().path().to_owned());
    fs::create_dir_all(&run).unwrap();
    let record = fake::record();
    fake::write_pictures(&record, &run);
    record.save(&run).unwrap();
    let path = write(&record, &run).unwrap();
    assert_eq!(path, run.join(FILE));
    (run, fs::read_to_string(path).unwrap(), temporary)
}

/// Every element is closed in order, and nothing is left open.
fn assert_balanced(html: &str) {
    const VOID: [&str; 5] = ["meta", "img", "br", "input", "link"];
    let mut open: Vec<&str> = Vec::new();
    let style_at = html.find("<style>").unwrap_or(0);
    let style_end = html.find("</style>").unwrap_or(0);
    for (at, _) in html.match_indices('<').filter(|(at, _)| *at <= style_at || *at >= style_end) {
        let tag = &html[at + 1..at + html[at..].find('>').expect("a tag ends")];
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "near {}", &html[at.saturating_sub(120)..at]);
        } else if !tag.starts_with('!') && !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_page_stands_alone() {
    let (_, html, _kept) = drawn();
    assert!(html.starts_with("<!DOCTYPE html>"));
    assert_balanced(&html);
    for forbidden in ["http://", "https://", "<script", "url(", "@import", "src=\"/", "file:"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let pictures = html.matches("<img ").count();
    assert!(pictures > 0);
    assert_eq!(pictures, html.matches("src=\"data:image/png;base64,").count());
    assert_eq!(pictures, html.matches(" alt=\"").count());
    assert_eq!(html.matches("<svg").count(), html.matches("role=\"img\" aria-label=").count());
    assert!(html.contains("&lt;inverted&gt; &amp; &quot;scaled&quot;"), "the scenario's text is escaped");
    let words = html.split("base64,").map(|piece| piece.split_once('"').map_or(piece, |(_, rest)| rest));
    assert!(words.skip(1).all(|text| !text.contains("NaN") && !text.contains(">inf")));
}

#[test]
fn every_figure_is_a_file_and_stands_in_the_page() {
    let (run, html, _kept) = drawn();
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(run.join("figures")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert!(is_signed(&path), "{path:?}");
            let file = fs::read_to_string(&path).unwrap();
            let (_, svg) = file.split_once('\n').unwrap();
            assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{path:?}");
            assert_balanced(svg);
            files.push(path.file_name().unwrap().to_string_lossy().into_owned());
            let inline = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
            let as_table = ["accuracy.svg", "auroc-by-defect.svg", "gallery.svg"];
            let name = files.last().unwrap().as_str();
            assert_eq!(html.contains(&inline), !as_table.contains(&name), "{name}");
        }
    }
    for part in ["ranking", "scores-01-vae-MSE", "severity-vae", "accuracy", "gallery", "snapshots-f-anogan"]
    {
        assert!(files.contains(&format!("{part}.svg")), "{part} is not among {files:?}");
    }
    assert!(files.iter().any(|f| f.starts_with("training-f-anogan-03-wgan-gp-gradient-penalty")));
}

#[test]
fn what_the_training_showed_is_said() {
    let (_, html, _kept) = drawn();
    for expected in [
        "from step 4200 of wgan-gp on, sample diversity was 0.031 and should have been at least 0.1; it was back at step 5400.",
        "from step 1400 of encoder on, reconstruction diversity was 4e-4 and should have been at least 0.1; it stayed so to the end.",
        "Of 2400 steps of vae, the weights of step 2100 were taken: their loss on held-out images was the lowest, 0.0123.",
        "of 64, CPU",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn a_missing_picture_leaves_a_placeholder_and_a_warning() {
    let run = tempfile::tempdir().unwrap();
    let mut record = fake::record();
    record.gallery[0].image = "../outside.png".into();
    let html = fs::read_to_string(write(&record, run.path()).unwrap()).unwrap();
    assert!(html.contains("The picture maps/vae/job0030_layer0011.png could not be shown: "));
    assert!(
        html.contains("The picture ../outside.png could not be shown: it is outside the run’s folder.")
            || html.contains("it is outside the run's folder.")
    );
    assert_balanced(&html);
}

#[test]
fn every_rate_in_the_tables_is_in_the_record() {
    let (_, html, _kept) = drawn();
    let record = fake::record();
    let mut known: Vec<String> = Vec::new();
    let mut numbers = Vec::new();
    collect(&serde_json::to_value(&record).unwrap(), &mut numbers);
    for n in numbers {
        known.extend([
            percent_bare(n),
            area(n),
            signed(n),
            short(n),
            duration(n),
            count(n.max(0.0).round() as usize),
        ]);
    }
    let mut intervals = Vec::new();
    collect_intervals(&serde_json::to_value(&record).unwrap(), &mut intervals);
    let bare = |text: String| text.trim_start_matches("± ").to_owned();
    known.extend(intervals.iter().flat_map(|&i| [bare(half_width(i)), bare(area_half_width(i))]));
    let total: f64 = record.provenance.stages.iter().map(|s| s.wall_secs).sum();
    known.push(duration(total));
    let mut seen = 0;
    for cell in html.split("<td").skip(1) {
        let text = cell.split_once('>').unwrap().1.split("</td>").next().unwrap();
        let text = strip_tags(text);
        for word in
            text.split([' ', '(', ')', '–', '×', ',', '\u{202f}']).filter(|w| w.parse::<f64>().is_ok())
        {
            let thousands = text.contains('\u{202f}') && word.len() <= 3;
            assert!(
                thousands
                    || known.iter().any(|k| k == word
                        || k.starts_with(&format!("{word}\u{202f}"))
                        || k.starts_with(&format!("{word} ")))
                    || word_in_settings(&record, word),
                "{word} of {text:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

fn word_in_settings(record: &Record, word: &str) -> bool {
    serde_json::to_string(record).unwrap().contains(word)
}

fn strip_tags(html: &str) -> String {
    html.split('<')
        .enumerate()
        .map(|(i, p)| if i == 0 { p } else { p.split_once('>').map_or("", |x| x.1) })
        .collect::<Vec<_>>()
        .join(" ")
}

fn collect(value: &serde_json::Value, into: &mut Vec<f64>) {
    match value {
        serde_json::Value::Number(n) => into.extend(n.as_f64()),
        serde_json::Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
        serde_json::Value::Object(fields) => fields.values().for_each(|v| collect(v, into)),
        _ => {}
    }
}

fn collect_intervals(value: &serde_json::Value, into: &mut Vec<[f64; 2]>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|v| collect_intervals(v, into)),
        serde_json::Value::Object(fields) => {
            let ends = fields.get("interval").map(|ends| [0, 1].map(|end| ends[end].as_f64().unwrap()));
            into.extend(ends);
            fields.values().for_each(|v| collect_intervals(v, into));
        }
        _ => {}
    }
}

#[test]
fn a_bare_record_gives_a_page_too() {
    let run = tempfile::tempdir().unwrap();
    let full = fake::record();
    let bare = Record {
        dataset: Default::default(),
        test_images: Vec::new(),
        judged_images: Vec::new(),
        detectors: Vec::new(),
        floors: Vec::new(),
        representations: Vec::new(),
        separators: Vec::new(),
        separations: Vec::new(),
        named: None,
        typing: None,
        gallery: Vec::new(),
        ..full
    };
    let html = fs::read_to_string(write(&bare, run.path()).unwrap()).unwrap();
    assert_balanced(&html);
    assert!(html.contains("There is no verdict: the test set holds no images."));
}
