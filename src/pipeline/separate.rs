//! Fitting separators, without labels, on what a detector said (Zeiser et al. 2023, section 5.2).

use std::borrow::Cow;

use generators::stream::Stream;

use super::judge::{Truth, select};
use crate::data::split_jobs;
use crate::detectors::Scores;
use crate::metrics::MetricError;
use crate::metrics::agreement::{anomalous_group, called_anomalous};
use crate::metrics::classification::Confusion;
use crate::plan::{Named, Plan, Separation};
use crate::report::record::{Reduction, Representation};
use crate::representations::projections::Projection;
use crate::representations::{Components, Matrix, RepresentationError};
use crate::separators::{Separator, Split};

/// The test images in two halves, no job in both: those that separators are fitted on, and those that judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halves {
    /// Indices of the images for fitting, ascending.
    pub fit: Vec<usize>,
    /// Indices of the images that judge, ascending.
    pub judge: Vec<usize>,
}

/// The halves of every separation, the same for all detectors and trainings.
///
/// # Errors
/// Where a class has fewer images in a half than the scenario asks for.
pub fn halves(truth: &Truth<'_>, plan: &Plan, stream: &Stream) -> Result<Vec<Halves>, TooFew> {
    let half = |index| -> Result<Halves, TooFew> {
        let mut stream = of_separation(stream, index).child("split");
        let separation = &plan.separation;
        let (fit, judge) = split_jobs(&truth.job, separation.fit_share, &mut stream);
        Ok(Halves {
            fit: balanced(fit, separation.fit.map(|images| ("fit", images)), truth, &stream)?,
            judge: balanced(judge, separation.judge.map(|images| ("judge", images)), truth, &stream)?,
        })
    };
    (0..plan.evidence.separations).map(half).collect()
}

/// A half has too few images of a class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "[separation] `{key}` needs {needed} images of {class}, and that half of the test jobs holds {found}; lower it, or raise `test_jobs` in [dataset]"
)]
pub struct TooFew {
    /// What asks for them.
    key: &'static str,
    /// Which class.
    class: String,
    /// Images needed.
    needed: usize,
    /// Images there are.
    found: usize,
}

/// As many healthy images of `half` as `wanted` says under its key, and as many defective ones, evenly of every defect,
/// drawn at random; all where nothing is wanted.
fn balanced(
    half: Vec<usize>,
    wanted: Option<(&'static str, usize)>,
    truth: &Truth<'_>,
    stream: &Stream,
) -> Result<Vec<usize>, TooFew> {
    let Some((key, images)) = wanted else { return Ok(half) };
    let defects = truth.defects.len();
    let of_defect = |index: usize| images / defects.max(1) + usize::from(index < images % defects.max(1));
    let anomalous = truth.defects.iter().enumerate().map(|(i, defect)| (Some(*defect), of_defect(i)));
    let mut chosen = Vec::new();
    for (class, needed) in std::iter::once((None, images)).chain(anomalous) {
        let mut of: Vec<usize> =
            half.iter().copied().filter(|&i| truth.images[i].defect.as_deref() == class).collect();
        if of.len() < needed {
            let class = class.map_or("no defect".to_owned(), str::to_owned);
            return Err(TooFew { key, class, needed, found: of.len() });
        }
        stream.child(key).child(class.unwrap_or("healthy")).shuffle(&mut of);
        chosen.extend(&of[..needed]);
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The stream of separation `index`.
fn of_separation(stream: &Stream, index: usize) -> Stream {
    // The first one draws as it did when it was the only one.
    if index == 0 { stream.clone() } else { stream.item("separation", index) }
}

/// A representation, and what each separator made of it.
pub struct Row {
    /// The representation; without a dimension where it could not be made.
    pub representation: Representation,
    /// In the scenario's order.
    pub groups: Vec<Result<Groups, String>>,
}

/// What the separators made of a detector, by training and separation.
pub type Passes = Vec<Vec<Vec<Row>>>;

/// What a separator said of the images that judge.
pub struct Groups {
    /// The group of each, 0 or 1.
    pub group: Vec<usize>,
    /// The group that is called anomalous.
    pub anomalous: usize,
    /// How far each lies towards the anomalous group, where the separator can say.
    pub margin: Option<Vec<f64>>,
}

/// What a pass of the separators is about.
pub struct Pass<'a> {
    /// The detector's name.
    pub detector: &'a str,
    /// What it said of the test images.
    pub scores: &'a Scores,
    /// Which training it is, from 0.
    pub training: usize,
    /// Which separation it is, from 0.
    pub separation: usize,
}

/// Fits every separator on every representation of a detector's output: each score, each feature vector as it is and
/// through every projection.
///
/// # Errors
/// Where a score is not a number.
pub fn separate(
    pass: &Pass<'_>,
    halves: &Halves,
    truth: &Truth<'_>,
    separation: &Separation,
    stream: &Stream,
) -> Result<Vec<Row>, MetricError> {
    let Pass { detector, scores, .. } = *pass;
    let stream = pass.stream(stream);
    let fitting = Fitting::new(pass, halves, truth, separation, &stream);
    let mut rows = Vec::new();
    for (component, values) in &scores.components {
        let column = Cow::Owned(Matrix::column(values.clone()));
        rows.push(fitting.row(format!("{detector} {component}"), Ok((None, column)))?);
    }
    for (feature, matrix) in &scores.features {
        let raw = format!("{detector} {feature}");
        rows.push(fitting.row(raw.clone(), Ok((None, Cow::Borrowed(matrix))))?);
        for projection in &separation.projections {
            let name = format!("{raw} {}", projection.name);
            let projected = fitting.project(matrix, projection, &stream.child(&name));
            let projected = projected.map(|(reduction, matrix)| (Some(reduction), Cow::Owned(matrix)));
            rows.push(fitting.row(name, projected)?);
        }
    }
    Ok(rows)
}

/// What the named pair's separator, fitted as in `pass`, says of further images, of which the same detector said `others`: whether
/// each is anomalous. `None` where the pair is another detector's, nothing could be fitted, or a further image lies so far out that
/// its representation is not finite.
///
/// # Errors
/// Where a score is not a number.
pub fn carried(
    pass: &Pass<'_>,
    halves: &Halves,
    truth: &Truth<'_>,
    separation: &Separation,
    stream: &Stream,
    others: &Scores,
) -> Result<Option<Vec<bool>>, MetricError> {
    let stream = pass.stream(stream);
    let fitting = Fitting::new(pass, halves, truth, separation, &stream);
    let scores = pass.scores;
    let Some(named) = &separation.named else { return Ok(None) };
    let Some(separator) = separation.separators.iter().find(|s| s.name == named.separator) else {
        return Ok(None);
    };
    let joined = fitting.of_both(&named.representation, scores, others);
    let Some(joined) = joined.filter(|joined| finite(joined).is_ok()) else { return Ok(None) };
    let stream = stream.child(&named.representation).child(&separator.name);
    let Ok((split, anomalous)) = fitting.fit(&joined, &*separator.item, &stream)? else { return Ok(None) };
    let further: Vec<usize> = (truth.images.len()..joined.rows).collect();
    Ok(Some(called_anomalous(&split.groups(&joined.select(&further)), anomalous)))
}

/// Refuses rows that no separator can place: a kernel may overflow on one that lies farther out than those of its fit.
fn finite(matrix: &Matrix) -> Result<(), String> {
    let refused = |row| RepresentationError::NotFinite { row }.to_string();
    matrix.first_not_finite().map_or(Ok(()), |row| Err(refused(row)))
}

/// What one pass of the separators works with.
struct Fitting<'a> {
    detector: &'a str,
    truth: &'a Truth<'a>,
    halves: &'a Halves,
    /// The score that says which group is the anomalous one.
    headline: &'a [f32],
    separation: &'a Separation,
    stream: &'a Stream,
}

/// A fitted split and its anomalous group, or why there is none.
type Fitted = Result<(Box<dyn Split>, usize), String>;

impl Pass<'_> {
    /// Where the pass draws from.
    fn stream(&self, stream: &Stream) -> Stream {
        let stream = of_separation(stream, self.separation);
        let stream = if self.training == 0 { stream } else { stream.item("training", self.training) };
        stream.child(self.detector)
    }
}

impl<'a> Fitting<'a> {
    fn new(
        pass: &Pass<'a>,
        halves: &'a Halves,
        truth: &'a Truth<'a>,
        separation: &'a Separation,
        stream: &'a Stream,
    ) -> Self {
        // Which group is the anomalous one is decided by the detector's headline score.
        let headline = pass.scores.components.first().map_or(&[][..], |(_, values)| values);
        Self { detector: pass.detector, truth, halves, headline, separation, stream }
    }

    /// One representation with every separator.
    fn row(
        &self,
        name: String,
        matrix: Result<(Option<Reduction>, Cow<'_, Matrix>), String>,
    ) -> Result<Row, MetricError> {
        let separators = &self.separation.separators;
        let of = |dimension, reduction| Representation {
            name: name.clone(),
            detector: self.detector.to_owned(),
            dimension,
            dimensions: None,
            reduction,
        };
        let (reduction, matrix) = match matrix.and_then(|made| finite(&made.1).map(|()| made)) {
            Ok(made) => made,
            Err(reason) => {
                let groups = separators.iter().map(|_| Err(reason.clone())).collect();
                return Ok(Row { representation: of(0, None), groups });
            }
        };
        let judged = matrix.select(&self.halves.judge);
        let mut groups = Vec::new();
        for separator in separators {
            let stream = self.stream.child(&name).child(&separator.name);
            let fitted = self.fit(&matrix, &*separator.item, &stream)?;
            groups.push(fitted.map(|(split, anomalous)| {
                let sign = if anomalous == 1 { 1.0 } else { -1.0 };
                let margin = split.margin(&judged);
                let margin = margin.map(|margin| margin.into_iter().map(|m| sign * m).collect());
                Groups { group: split.groups(&judged), anomalous, margin }
            }));
        }
        Ok(Row { representation: of(matrix.columns, reduction), groups })
    }

    /// Fits `separator`, without labels, on the rows of the first half.
    fn fit(
        &self,
        matrix: &Matrix,
        separator: &dyn Separator,
        stream: &Stream,
    ) -> Result<Fitted, MetricError> {
        let fitted = matrix.select(&self.halves.fit);
        let split = match separator.fit(&fitted, &mut stream.child("fit")) {
            Ok(split) => split,
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let anomalous = anomalous_group(&split.groups(&fitted), &select(self.headline, &self.halves.fit))?;
        Ok(Ok((split, anomalous)))
    }

    /// All rows in the coordinates that `projection` finds on those of the first half.
    fn project(
        &self,
        matrix: &Matrix,
        projection: &Named<dyn Projection>,
        stream: &Stream,
    ) -> Result<(Reduction, Matrix), String> {
        let half = matrix.select(&self.halves.fit);
        let fitted = projection.item.fit(half, stream).map_err(|e| e.to_string())?;
        let mut projected = fitted.transform(matrix).map_err(|e| e.to_string())?;
        let components = projection.item.components();
        if let (true, Some(first)) = (components.sees_labels(), self.separation.separators.first()) {
            let count = self.oracle_components(&projected, &*first.item, &stream.child("oracle"));
            projected = projected.leading(count);
        }
        let reduction = Reduction {
            method: projection.kind.to_owned(),
            from_dimension: matrix.columns,
            explained_share: Some(fitted.explained_variance_ratio()[..projected.columns].iter().sum()),
            choice: Some(
                match components {
                    Components::Count(_) => "stated in the scenario",
                    Components::Explained(_) => "by explained variance",
                    Components::Parallel => "by parallel analysis",
                    Components::Oracle => "picked with the labels: a bound, no result",
                }
                .to_owned(),
            ),
        };
        Ok((reduction, projected))
    }

    /// The representation `wanted` of the images of `own`, which the halves are about, and after them of those of `others`. `None` where
    /// the detector has none of that name, or it cannot be made.
    fn of_both(&self, wanted: &str, own: &Scores, others: &Scores) -> Option<Matrix> {
        let detector = self.detector;
        for ((component, own), (_, other)) in own.components.iter().zip(&others.components) {
            if wanted == format!("{detector} {component}") {
                return Some(Matrix::column([&own[..], other].concat()));
            }
        }
        for ((feature, own), (_, other)) in own.features.iter().zip(&others.features) {
            let raw = format!("{detector} {feature}");
            if wanted == raw {
                return Some(own.followed_by(other));
            }
            let named = |p: &&Named<dyn Projection>| wanted == format!("{raw} {}", p.name);
            if let Some(projection) = self.separation.projections.iter().find(named) {
                let projected = self.project(&own.followed_by(other), projection, &self.stream.child(wanted));
                return projected.ok().map(|(_, matrix)| matrix);
            }
        }
        None
    }

    /// The number of leading columns of `matrix` with which `separator` is right most often in the half that
    /// judges: Zeiser et al. chose so (section 5.2). It reads the labels: what follows is no result but a bound.
    fn oracle_components(&self, matrix: &Matrix, separator: &dyn Separator, stream: &Stream) -> usize {
        let labels = select(&self.truth.anomalous(), &self.halves.judge);
        let right = |count: usize| {
            let leading = matrix.leading(count);
            let (split, anomalous) = self.fit(&leading, separator, stream).ok()?.ok()?;
            let called = called_anomalous(&split.groups(&leading.select(&self.halves.judge)), anomalous);
            Confusion::count(&labels, &called).ok()?.balanced_accuracy()
        };
        // Every number at first, then steps of a twentieth.
        let counts = std::iter::successors(Some(1), |count| Some(count + (count / 20).max(1)));
        let counts = counts.take_while(|&count| count <= matrix.columns);
        let tried = counts.filter_map(|count| right(count).map(|right| (count, right)));
        tried.reduce(|best, next| if next.1 > best.1 { next } else { best }).map_or(1, |(count, _)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::record::TestImage;

    /// What is fitted for the table of pairs is fitted again, to the same calls on the same images.
    #[test]
    fn a_carried_separator_says_of_the_same_images_what_it_said_of_them() {
        let mut stream = Stream::root(4);
        let images: Vec<TestImage> = (0..120)
            .map(|i| TestImage {
                job: i / 10,
                defect: (i % 3 == 0).then(|| "porous".to_owned()),
                ..Default::default()
            })
            .collect();
        let level = |image: &TestImage| if image.defect.is_some() { 2.0 } else { 0.0 };
        let mut noisy = |image: &TestImage| (level(image) + stream.normal()) as f32;
        let column: Vec<f32> = images.iter().map(&mut noisy).collect();
        let rows: Vec<f32> = images.iter().flat_map(|i| [noisy(i), noisy(i), noisy(i)]).collect();
        let scores = Scores {
            components: vec![("A", column)],
            features: vec![("D_f(x)", Matrix::new(images.len(), 3, rows))],
            ..Default::default()
        };
        let truth = Truth::new(&images, &["porous"]);
        let (fit, judge): (Vec<usize>, Vec<usize>) = (0..images.len()).partition(|i| i / 10 % 2 == 0);
        let halves = Halves { fit, judge };
        let pass = Pass { detector: "gan", scores: &scores, training: 0, separation: 0 };
        let text = "[[detector]]\nkind = \"f-anogan\"\nname = \"gan\"\n[[projection]]\nkind = \"pca\"\n\
                    [[separator]]\nkind = \"k-means\"\n[separation]\n";
        for name in ["gan A", "gan D_f(x)", "gan D_f(x) pca"] {
            let named = format!("{text}named = {{ representation = {name:?}, separator = \"k-means\" }}\n");
            let separation = Separation::stated(&named);
            let stream = Stream::root(9);
            let rows = separate(&pass, &halves, &truth, &separation, &stream).unwrap();
            let row = rows.iter().find(|row| row.representation.name == name).unwrap();
            let Ok(groups) = &row.groups[0] else { panic!("{name} was not separated") };
            let called = called_anomalous(&groups.group, groups.anomalous);
            let all = carried(&pass, &halves, &truth, &separation, &stream, &scores).unwrap().unwrap();
            assert_eq!(select(&all, &halves.judge), called, "{name}");
            assert!(called.iter().any(|&called| called) && called.iter().any(|&called| !called));
        }
        let other = Pass { detector: "vae", ..pass };
        let separation = Separation::stated(&format!(
            "{text}named = {{ representation = \"gan A\", separator = \"k-means\" }}\n"
        ));
        assert_eq!(carried(&other, &halves, &truth, &separation, &Stream::root(9), &scores).unwrap(), None);
    }

    #[test]
    fn a_row_that_is_not_finite_empties_its_cells_alone() {
        let image = |i: u32| TestImage {
            job: i / 4,
            defect: i.is_multiple_of(2).then(|| "porous".to_owned()),
            ..Default::default()
        };
        let images: Vec<TestImage> = (0..24).map(image).collect();
        let column: Vec<f32> =
            (0..24).map(|i| if i % 2 == 0 { 2.0 } else { 0.0 } + 0.01 * i as f32).collect();
        let mut feature = Matrix::column(column.clone());
        feature.values[17] = f32::INFINITY;
        let scores = Scores {
            components: vec![("A", column)],
            features: vec![("D_f(x)", feature)],
            ..Default::default()
        };
        let truth = Truth::new(&images, &["porous"]);
        let halves = Halves { fit: (0..12).collect(), judge: (12..24).collect() };
        let pass = Pass { detector: "gan", scores: &scores, training: 0, separation: 0 };
        let separation = Separation::stated(
            "[[detector]]\nkind = \"f-anogan\"\nname = \"gan\"\n[[separator]]\nkind = \"k-means\"\n",
        );
        let rows = separate(&pass, &halves, &truth, &separation, &Stream::root(9)).unwrap();
        assert!(rows[0].groups[0].is_ok());
        let reason = rows[1].groups[0].as_ref().err().unwrap();
        assert_eq!(reason, "row 17 holds a value that is not finite");
    }

    #[test]
    fn halves_are_balanced_or_say_what_is_missing() {
        let image = |i: usize| TestImage {
            job: (i / 10) as u32,
            defect: [None, Some("porous"), None, Some("shift")][i % 4].map(str::to_owned),
            ..Default::default()
        };
        let images: Vec<TestImage> = (0..80).map(image).collect();
        let truth = Truth::new(&images, &["porous", "shift"]);
        let of = |wanted| balanced((20..80).collect(), wanted, &truth, &Stream::root(3));
        assert_eq!(of(None).unwrap().len(), 60);
        let chosen = of(Some(("fit", 15))).unwrap();
        let count =
            |class: Option<&str>| chosen.iter().filter(|&&i| images[i].defect.as_deref() == class).count();
        assert_eq!([count(None), count(Some("porous")), count(Some("shift"))], [15, 8, 7]);
        assert!(chosen.is_sorted() && chosen.iter().all(|i| (20..80).contains(i)));
        assert_eq!(of(Some(("fit", 15))).unwrap(), chosen);
        let message = of(Some(("judge", 31))).unwrap_err().to_string();
        assert!(
            message.starts_with("[separation] `judge` needs 31 images of no defect, and that half"),
            "{message}"
        );
        assert_eq!(of(Some(("judge", 30))).map(|chosen| chosen.len()), Ok(60));
    }
}
