//! The record in plain words.

use super::fair::leaks;
use super::numbers::{area_estimate, count_of, listed, percent, percent_interval, plural, repeated, short};
use super::record::{
    Component, DetectionFit, Detector, Estimate, Extent, Finding, JOB_LAYERS, Judgement, Record, Separation,
    Share, ShareOfDefect, Typing,
};

/// What a person reads first.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// One sentence.
    pub headline: String,
    /// Whether the pair that was named before the run reached the balanced accuracy set for it;
    /// `None` where nothing was named, no bar was set, or nothing could be judged.
    pub bar_met: Option<bool>,
    /// The cell of the accuracy table that the verdict is about, as (representation, separator).
    pub pair: Option<(String, String)>,
    /// The answers, in the order in which a reader asks.
    pub points: Vec<Point>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Two or three words.
    pub topic: &'static str,
    /// One to three sentences.
    pub text: String,
}

/// Topic of what there is to say of the pair that the scenario named.
pub const NAMED_PAIR: &str = "Named pair";

/// Sums up a record.
///
/// The verdict is about the pair that the scenario named, since that one was chosen before anybody
/// saw a label. Without one it is about the best pair, and says so.
pub fn verdict(record: &Record) -> Verdict {
    let mut best: Vec<(&Separation, &Judgement)> = record.judged().collect();
    // Stable: the table's order decides between equals.
    best.sort_by(|a, b| b.1.balanced_accuracy.value.total_cmp(&a.1.balanced_accuracy.value));
    let named = record.named.as_ref().and_then(|named| {
        best.iter()
            .find(|(cell, _)| {
                cell.representation == named.representation && cell.separator == named.separator
            })
            .copied()
    });
    let mut points: Vec<Point> = unfair(record).into_iter().collect();
    let Some(&chosen) = named.as_ref().or(best.first()) else {
        points.extend(ranking(record));
        let types = record.typing.as_ref().filter(|_| record.detectors.is_empty());
        let headline = types.map_or_else(|| no_verdict(record), types_found);
        return Verdict { headline, bar_met: None, pair: None, points };
    };
    let (cell, judgement) = chosen;
    let (bar_met, bar) = named_point(record, named.map(|(_, judgement)| judgement));
    points.push(bar);
    points.push(Point { topic: "Missed most", text: missed(&judgement.detected_by_defect, once(record)) });
    points.extend(how_faint(record));
    points.push(Point { topic: "False alarms", text: false_alarms(&judgement.false_alarms, once(record)) });
    points.push(Point { topic: "How sure", text: how_sure(record, judgement) });
    points.extend(best_pair(&best, named.is_some().then_some(cell)));
    points.extend(ranking(record));
    points.extend(in_production(record));
    points.extend(conclusions(record));
    if judgement.oracle_accuracy > judgement.accuracy.value + 0.05 {
        let text = format!(
            "The two groups are better than their names: with the groups named after the labels, accuracy would be {} instead of {}. Nobody without labels can know that.",
            percent(judgement.oracle_accuracy),
            percent(judgement.accuracy.value)
        );
        points.push(Point { topic: "Wrongly named", text });
    }
    let headline = format!("{} {}.", pair_name(cell), catches(judgement));
    let pair = Some((cell.representation.clone(), cell.separator.clone()));
    Verdict { headline, bar_met, pair, points }
}

/// What has to be said before anything else where the classes can be told by something but the defect.
fn unfair(record: &Record) -> Option<Point> {
    let leaks = record.audit.as_ref().map(leaks)?;
    let first = leaks.first()?;
    let more = match leaks.len() - 1 {
        0 => String::new(),
        n => format!(" {} below.", plural(n, "more leak")),
    };
    let text = format!(
        "Something else than the defect tells the classes apart, so the figures on this page may overstate every detector. {first}{more}"
    );
    Some(Point { topic: "Not a fair test", text })
}

fn catches(judgement: &Judgement) -> String {
    let (found, alarms) = (&judgement.detected, &judgement.false_alarms);
    let caught = match found.count {
        0 => "catches none of the defective images".to_owned(),
        n if n == found.of => "catches every defective image".to_owned(),
        _ => format!("catches {} of the defective images", percent(found.rate)),
    };
    match alarms.count {
        0 => format!("{caught} and raises no false alarm"),
        n if n == alarms.of => format!("{caught} and raises a false alarm on every healthy one"),
        _ => format!("{caught} and raises a false alarm on {} of the healthy ones", percent(alarms.rate)),
    }
}

/// `vae MSE with k-means`.
fn pair_name(cell: &Separation) -> String {
    format!("{} with {}", cell.representation, cell.separator)
}

/// Of a run that was asked for types of defects alone.
fn types_found(typing: &Typing) -> String {
    let interval = typing.accuracy.interval.map(|i| format!(" (95 % interval {})", percent_interval(i)));
    format!(
        "Grouped without labels, {}{} of the images are with those of their kind.",
        percent(typing.accuracy.value),
        interval.unwrap_or_default()
    )
}

fn no_verdict(record: &Record) -> String {
    let anomalous = record.test_images.iter().filter(|i| i.defect.is_some()).count();
    let healthy = record.test_images.len() - anomalous;
    let reason = match (healthy, anomalous) {
        (0, 0) => "the test set holds no images",
        (0, _) => "the test set holds no healthy image to tell the defective ones from",
        (_, 0) => "the test set holds no defective image",
        _ if record.separations.is_empty() => "the scenario asked for no separation",
        _ => "no separator could be used on any representation",
    };
    format!("There is no verdict: {reason}.")
}

fn named_point(record: &Record, judgement: Option<&Judgement>) -> (Option<bool>, Point) {
    let Some(named) = &record.named else {
        let text = "The scenario named no pair beforehand, so the verdict is about the pair that did best with the labels in hand. Expect less of it on new images; name it in the scenario and run another seed to be sure.";
        return (None, Point { topic: "Chosen afterwards", text: text.into() });
    };
    let pair = format!("{} with {}", named.representation, named.separator);
    let Some(judgement) = judgement else {
        let text = format!(
            "The scenario named {pair}, but that pair gave no groups (see the table below). The verdict is about the best pair instead, chosen with the labels in hand."
        );
        return (named.least_balanced_accuracy.map(|_| false), Point { topic: NAMED_PAIR, text });
    };
    let accuracy = judgement.balanced_accuracy;
    let reached = format!(
        "The pair was named in the scenario before the run. Its balanced accuracy is {}",
        percent(accuracy.value)
    );
    let Some(bar) = named.least_balanced_accuracy else {
        return (None, Point { topic: NAMED_PAIR, text: format!("{reached}; no bar was set.") });
    };
    let met = accuracy.value >= bar;
    let bar_text = percent(bar);
    let rest = match (met, accuracy.interval) {
        (true, Some([low, _])) if low >= bar => {
            format!("; the bar of {bar_text} is met, by the whole 95 % interval.")
        }
        (true, Some([low, _])) => format!(
            "; the bar of {bar_text} is met, but the 95 % interval reaches down to {}: another run may miss it.",
            percent(low)
        ),
        (true, None) => format!("; the bar of {bar_text} is met, though how surely cannot be told."),
        (false, Some([_, high])) if high >= bar => format!(
            "; the bar of {bar_text} is missed, though the 95 % interval reaches up to {}: more test images would decide.",
            percent(high)
        ),
        (false, _) => format!("; the bar of {bar_text} is missed."),
    };
    (Some(met), Point { topic: NAMED_PAIR, text: reached + &rest })
}

/// Whether everything was done once, so that images can be counted.
fn once(record: &Record) -> bool {
    record.trainings * record.judged_images.len() <= 1
}

fn missed(by_defect: &[ShareOfDefect], once: bool) -> String {
    let mut worst: Vec<&ShareOfDefect> = by_defect.iter().filter(|d| d.share.of > 0).collect();
    worst.sort_by(|a, b| a.share.rate.total_cmp(&b.share.rate));
    let found = |d: &ShareOfDefect| match (once, d.share.interval) {
        (true, _) => format!("{} ({} found, {})", d.defect, count_of(&d.share), percent(d.share.rate)),
        (false, Some(interval)) => {
            format!("{} ({} found, {})", d.defect, percent(d.share.rate), percent_interval(interval))
        }
        (false, None) => format!("{} ({} found)", d.defect, percent(d.share.rate)),
    };
    let missed: Vec<&ShareOfDefect> = worst.iter().copied().filter(|d| d.share.count < d.share.of).collect();
    let complete: Vec<String> =
        worst.iter().filter(|d| d.share.count == d.share.of).map(|d| d.defect.clone()).collect();
    match missed.as_slice() {
        [] => "Nothing: every defective image was found.".into(),
        [only] if complete.is_empty() => format!("{}.", found(only)),
        [only] => format!("{}. Every image of {} was found.", found(only), listed(&complete)),
        [first, second, rest @ ..] => {
            let others = if rest.is_empty() && !complete.is_empty() {
                format!(" Every image of {} was found.", listed(&complete))
            } else {
                String::new()
            };
            format!("{}, then {}.{others}", found(first), found(second))
        }
    }
}

/// From which contrast on the best score finds the defects nine times of ten.
fn how_faint(record: &Record) -> Option<Point> {
    let (detector, component) = record.best_score()?;
    let known = component.detectability.as_ref()?;
    let (mut from, mut always, mut never) = (Vec::new(), Vec::new(), Vec::new());
    let (mut parted, mut level, mut falling, mut untold) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for of in &known.defects {
        let Some(curve) = of.curves.iter().find(|curve| curve.extent == Extent::CnrImage) else { continue };
        match curve.fit {
            DetectionFit::Found { a90_95: Some(cnr), .. } if cnr <= curve.range[1] => from.push((cnr, of)),
            DetectionFit::Found { a90_95: Some(_), .. } | DetectionFit::None => never.push(of.defect.clone()),
            // Chance may have made the slope: what is found is found at any contrast. One that falls says of larger ones only that they
            // are not found more often.
            DetectionFit::Found { a90_95: None, slope, .. } => {
                let of_trend = if slope > 0.0 { &mut level } else { &mut falling };
                of_trend.push(format!("{} ({} found)", of.defect, percent(of.found.rate)));
            }
            DetectionFit::All => always.push(of.defect.clone()),
            DetectionFit::Gap([low, high]) => {
                parted.push(format!("{} ({} to {})", of.defect, short(low), short(high)));
            }
            DetectionFit::Failed(_) => untold.push(of.defect.clone()),
        }
    }
    from.sort_by(|a, b| a.0.total_cmp(&b.0));
    let score = format!("{} of {}", component.name, detector.name);
    let mut said = Vec::new();
    match &from[..] {
        [] => {}
        [(cnr, only)] => said.push(format!(
            "{score} finds nine of ten images of {} from a contrast-to-noise of {} on, with a confidence of 95 %.",
            only.defect,
            short(*cnr)
        )),
        [(least, first), .., (most, last)] => said.push(format!(
            "{score} finds nine of ten images, with a confidence of 95 %, from a contrast-to-noise of {} ({}) to {} ({}) on, \
             by defect.",
            short(*least),
            first.defect,
            short(*most),
            last.defect
        )),
    }
    if !always.is_empty() {
        said.push(format!("{score} finds every image of {}.", listed(&always)));
    }
    match (&from[..], &never[..]) {
        (_, []) => {}
        ([], never) => said.push(format!(
            "At no contrast that was tested does {score} surely find nine of ten images of {}.",
            listed(never)
        )),
        (_, never) => said.push(format!("No contrast that was tested is enough for {}.", listed(never))),
    }
    if !parted.is_empty() {
        said.push(format!("Hits and misses part sharply for {}.", listed(&parted)));
    }
    if !level.is_empty() {
        said.push(format!("No trend with contrast was seen for {}.", listed(&level)));
    }
    if !falling.is_empty() {
        said.push(format!("Stronger contrast was not found more often for {}.", listed(&falling)));
    }
    if !untold.is_empty() && !said.is_empty() {
        said.push(format!("For {} it cannot be told.", listed(&untold)));
    }
    (!said.is_empty()).then(|| Point { topic: "How faint", text: said.join(" ") })
}

fn false_alarms(share: &Share, once: bool) -> String {
    match share.count {
        _ if !once && share.of > 0 => {
            let interval = share.interval.map(|i| format!(", 95 % interval {}", percent_interval(i)));
            format!("{} of the healthy test images{}.", percent(share.rate), interval.unwrap_or_default())
        }
        0 if share.of == 0 => "There are no healthy test images.".into(),
        0 => format!("None on {}.", plural(share.of, "healthy test image")),
        _ => format!("{} healthy test images ({}).", count_of(share), percent(share.rate)),
    }
}

fn how_sure(record: &Record, judgement: &Judgement) -> String {
    let (trainings, separations) = (record.trainings, record.judged_images.len().max(1));
    let judged = (judgement.detected.of + judgement.false_alarms.of) / (trainings * separations);
    let accuracy = judgement.balanced_accuracy;
    let base = format!("Balanced accuracy {}", percent(accuracy.value));
    let sure = match accuracy.interval {
        Some(interval) => {
            let method = match record.interval_method.as_str() {
                "" => String::new(),
                method => format!(", from {method}"),
            };
            format!(
                "{base}, 95 % interval {}, on {}{method}.",
                percent_interval(interval),
                plural(judged, "test image")
            )
        }
        None => format!(
            "{base} on {}, without an interval: they are of too few jobs, or all jobs are alike.",
            plural(judged, "test image")
        ),
    };
    let times = match (trainings, separations) {
        (1, 1) => {
            "It is of one training and one separation: how far others would differ is not known.".to_owned()
        }
        (1, _) => format!(
            "It is the mean of {}: how far another training would differ is not known.",
            repeated(trainings, separations)
        ),
        _ => format!("It is the mean of {}.", repeated(trainings, separations)),
    };
    format!("{sure} {times}")
}

fn best_pair(best: &[(&Separation, &Judgement)], named: Option<&Separation>) -> Option<Point> {
    let (first, judgement) = best.first()?;
    let value = judgement.balanced_accuracy.value;
    let ties: Vec<&Separation> =
        best.iter().filter(|(_, j)| j.balanced_accuracy.value == value).map(|(c, _)| *c).collect();
    let among = plural(best.len(), "pair");
    let text = match named {
        _ if best.len() == 1 => return None,
        None if ties.len() == 1 => return None,
        None => format!(
            "{} of {among} tie at {}: {}. The first in the table is shown.",
            ties.len(),
            percent(value),
            listed(&ties.iter().map(|c| pair_name(c)).collect::<Vec<_>>())
        ),
        Some(named) if ties.contains(&named) && ties.len() == 1 => {
            format!("The named pair. It is also the best of {among}.")
        }
        Some(named) if ties.contains(&named) => {
            format!(
                "The named pair, level with {} of the other {}.",
                ties.len() - 1,
                plural(best.len() - 1, "pair")
            )
        }
        Some(_) => {
            let level = match ties.len() {
                1 => String::new(),
                n => format!(" (level with {} more)", n - 1),
            };
            format!(
                "{}{level} did better, at {}, the most of {among}. It is picked with the labels in hand, so expect less of it on new images.",
                pair_name(first),
                percent(value)
            )
        }
    };
    Some(Point { topic: "Best pair", text })
}

fn ranking(record: &Record) -> Option<Point> {
    let (detector, component) = record.best_score()?;
    let auroc = component.auroc?;
    let mut text = format!(
        "The score {} of {} puts a defective image above a healthy one {} of the time (AUROC {}).",
        component.name,
        detector.name,
        percent(auroc.value),
        area_estimate(&auroc)
    );
    let floor = record.floors.iter().max_by(|a, b| a.auroc.value.total_cmp(&b.auroc.value));
    if let Some(floor) = floor {
        let note = if floor.auroc.value >= auroc.value { ", so the detector adds nothing to it" } else { "" };
        text += &format!(
            " The best trivial rule, {}, reaches {}{note}.",
            floor.name,
            area_estimate(&floor.auroc)
        );
    }
    Some(Point { topic: "Best score", text })
}

/// What the first threshold does on the score that ranks best.
fn in_production(record: &Record) -> Option<Point> {
    let (detector, component) = record.best_score()?;
    let (threshold, point) = component.first_found()?;
    let interval = |estimate: &Estimate| {
        estimate.interval.map(|i| format!(" ({})", percent_interval(i))).unwrap_or_default()
    };
    let alarms = &point.false_alarm_rate;
    let text = format!(
        "The threshold {threshold} on {} of {}, found without labels, raises a false alarm on {}{} of the healthy layers, {} in a job of {JOB_LAYERS}, and finds {}{} of the defective ones.",
        component.name,
        detector.name,
        percent(alarms.value),
        interval(alarms),
        short(point.false_alarms_per_job(JOB_LAYERS)),
        percent(point.detection_rate.value),
        interval(&point.detection_rate),
    );
    Some(Point { topic: "In production", text: text + &picked(record, detector, component) })
}

/// What stands behind a score that was picked as the one that ranks best: labels, and what the detector's headline would have found.
fn picked(record: &Record, detector: &Detector, component: &Component) -> String {
    let ranked = record.components().filter(|(_, component)| component.auroc.is_some()).count();
    if ranked < 2 {
        return String::new();
    }
    let headline = detector.components.iter().find(|c| c.headline && c.name != component.name);
    let found = headline.and_then(|headline| {
        let (_, point) = headline.first_found()?;
        Some(format!(
            "; the detector’s headline, {}, finds {}",
            headline.name,
            percent(point.detection_rate.value)
        ))
    });
    format!(
        " That score was picked with the labels, as the one that ranks best{}.",
        found.unwrap_or_default()
    )
}

fn conclusions(record: &Record) -> Option<Point> {
    let count = |finding: Option<Finding>| {
        record.claims.iter().filter(|claim| claim.test.as_ref().map(|test| test.finding) == finding).count()
    };
    let parts = [
        (Some(Finding::Holds), "held here"),
        (Some(Finding::DoesNotHold), "did not hold"),
        (Some(Finding::Undecided), "stayed undecided"),
        (None, "could not be measured"),
    ];
    let parts: Vec<String> = (parts.into_iter())
        .filter_map(|(finding, words)| Some((count(finding), words)).filter(|(n, _)| *n > 0))
        .map(|(n, words)| format!("{n} {words}"))
        .collect();
    let text = match (&parts[..], record.claims.len()) {
        ([], _) => return None,
        ([only], 1) => format!("The conclusion that the scenario states {}.", only.trim_start_matches("1 ")),
        (parts, n) => format!("Of {n} conclusions that the scenario states, {}.", listed(parts)),
    };
    Some(Point { topic: "Claims", text })
}
