//! What the detectors say of photographs of the real process.

use maud::{Markup, html};

use super::scrolling;
use crate::report::fair::chance;
use crate::report::figures::Figures;
use crate::report::numbers::{area, plural, signed};
use crate::report::record::{
    Estimate, OnPhotographs, PhotographScore, Photographs, PixelFigures, Record, TrainedOn,
};

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    let photographs = record.photographs.as_ref()?;
    Some(html! {
        p.lead {
            "Does what is learnt from synthetic images hold in the real process? Every detector was trained three times: on the synthetic \
             images, on " (plural(photographs.training, "healthy photograph")) ", and on both. All were tested with "
            (photographs.healthy) " other healthy and " (plural(photographs.anomalous, "anomalous photograph")) " of "
            (plural(photographs.parts, "part")) " that no training saw."
        }
        figure {
            (scrolling("Detectors on photographs, by training", table(photographs)))
            figcaption {
                b { "How to read it. " }
                "AUROC is the chance that an anomalous photograph scores higher than a healthy one, and in small stand 95 % intervals over parts. The gain is \
                 held against the same score after training on photographs alone, with the p-value of a paired test over parts. Pixels are judged \
                 by the anomaly maps against the masks; AUPRO counts every anomalous region alike, up to 30 % of the healthy pixels."
            }
        }
        @if !figures.photographs.is_empty() {
            h3 { "Where the detectors look" }
            @for panes in &figures.photographs {
                div.panes {
                    @for pane in panes {
                        figure {
                            img class=[pane.smooth.then_some("smooth")] src=(pane.address) alt=(pane.caption);
                            figcaption { (pane.caption) }
                        }
                    }
                }
            }
            figcaption {
                "Anomalous photographs with their masks outlined, and the anomaly map of every detector and training, dark to bright on one scale for each."
            }
        }
    })
}

fn table(photographs: &Photographs) -> Markup {
    let pixels = photographs.results.iter().any(|result| result.pixels.is_some());
    html! {
        table {
            thead { tr {
                th scope="col" { "Score, trained on" }
                th scope="col" { "Training images" }
                th scope="col" { "AUROC" }
                th scope="col" { "Gain" }
                th scope="col" { "Average precision" }
                @if pixels {
                    th scope="col" { "Pixel AUROC" }
                    th scope="col" { "Pixel AP" }
                    th scope="col" { "AUPRO" }
                }
            } }
            @for (detector, score) in main_scores(photographs) {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(if pixels { 8 } else { 5 }) { (detector) ": " (score) } }
                    @for trained_on in TrainedOn::ALL {
                        @if let Some((result, score)) = find(photographs, detector, score, trained_on) {
                            tr {
                                th scope="row" { (trained_on.words()) }
                                td { (result.images) }
                                td { (estimate(&score.auroc)) }
                                td {
                                    @match &score.gain {
                                        Some(gain) => { (signed(gain.auroc)) small { br; (chance(gain.p_value)) } }
                                        None => "–",
                                    }
                                }
                                td { (area(score.average_precision)) }
                                @if pixels {
                                    @for figure in cells(result) {
                                        td { @match &figure { Some(figure) => (estimate(figure)), None => "–" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn estimate(Estimate { value, interval }: &Estimate) -> Markup {
    html! {
        (area(*value))
        @if let Some([low, high]) = interval { small { br; (area(*low)) "–" (area(*high)) } }
    }
}

fn cells(result: &OnPhotographs) -> [Option<Estimate>; 3] {
    let of = |figure: fn(&PixelFigures) -> Estimate| result.pixels.as_ref().map(figure);
    [of(|p| p.auroc), of(|p| p.average_precision), of(|p| p.aupro)]
}

/// The headline of every detector and, where it is another, the score that is best over its trainings.
fn main_scores(photographs: &Photographs) -> Vec<(&str, &str)> {
    let mut list = Vec::new();
    for of in photographs.results.chunk_by(|a, b| a.detector == b.detector) {
        let scores = || of.iter().flat_map(|result| &result.scores);
        let best = scores().max_by(|a, b| a.auroc.value.total_cmp(&b.auroc.value));
        let headline = scores().next();
        for score in headline.into_iter().chain(best) {
            let entry = (of[0].detector.as_str(), score.name.as_str());
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
    }
    list
}

fn find<'a>(
    photographs: &'a Photographs,
    detector: &str,
    score: &str,
    trained_on: TrainedOn,
) -> Option<(&'a OnPhotographs, &'a PhotographScore)> {
    let mut results = photographs.results.iter();
    let result = results.find(|r| r.detector == detector && r.trained_on == trained_on)?;
    Some((result, result.scores.iter().find(|s| s.name == score)?))
}
