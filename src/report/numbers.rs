//! How numbers are written in the report: few digits, the same everywhere.

use super::record::{Estimate, Share};

/// A share as per cent with one decimal: `93.1 %`. Only exactly 1 is written `100 %`.
pub fn percent(rate: f64) -> String {
    format!("{}\u{202f}%", percent_bare(rate))
}

/// As [`percent`], without the sign.
pub fn percent_bare(rate: f64) -> String {
    let tenths = (rate * 1000.0).round();
    let tenths = if rate < 1.0 { tenths.min(999.0) } else { tenths };
    let tenths = if rate > 0.0 { tenths.max(1.0) } else { tenths };
    if tenths % 1000.0 == 0.0 { format!("{:.0}", tenths / 10.0) } else { format!("{:.1}", tenths / 10.0) }
}

/// An area under a curve with three decimals; only exactly 1 is written `1.000`.
pub fn area(value: f64) -> String {
    format!("{:.3}", if value < 1.0 { value.min(0.999) } else { value })
}

/// `0.973 (0.961–0.984)`.
pub fn area_estimate(estimate: &Estimate) -> String {
    match estimate.interval {
        Some([low, high]) => format!("{} ({}–{})", area(estimate.value), area(low), area(high)),
        None => area(estimate.value),
    }
}

/// Half the width of an interval in per cent: `± 1.8`.
pub fn half_width([low, high]: [f64; 2]) -> String {
    format!("± {:.1}", 50.0 * (high - low))
}

/// Half the width of an interval of an area: `± 0.018`.
pub fn area_half_width([low, high]: [f64; 2]) -> String {
    format!("± {:.3}", 0.5 * (high - low))
}

/// How often everything was done: `one training and 10 separations`.
pub fn repeated(trainings: usize, separations: usize) -> String {
    let times = |number: usize, of: &str| if number == 1 { format!("one {of}") } else { plural(number, of) };
    let each = if trainings > 1 && separations > 1 { " of each" } else { "" };
    format!("{} and {}{each}", times(trainings, "training"), times(separations, "separation"))
}

/// The 95 % interval of a rate: `91.2–95.4 %`.
pub fn percent_interval([low, high]: [f64; 2]) -> String {
    format!("{}–{}", percent_bare(low), percent(high))
}

/// `8 of 200`.
pub fn count_of(share: &Share) -> String {
    format!("{} of {}", count(share.count), count(share.of))
}

/// A count with thin spaces between thousands: `2 765 568`.
pub fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1 image`, `3 images`.
pub fn plural(number: usize, one: &str) -> String {
    let many = match one {
        "copy" => "copies".to_owned(),
        _ => format!("{one}s"),
    };
    format!("{} {}", count(number), if number == 1 { one } else { &many })
}

/// Three significant digits, without an exponent between 0.001 and 100 000, trailing zeros dropped.
pub fn short(value: f64) -> String {
    if value < 0.0 {
        return format!("−{}", short(-value));
    }
    if value == 0.0 || !value.is_finite() {
        return format!("{value:.0}");
    }
    let magnitude = value.log10().floor() as i32;
    if !(-3..5).contains(&magnitude) {
        let text = format!("{value:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    trimmed(&format!("{value:.*}", (2 - magnitude).max(0) as usize))
}

/// `digits` behind the point at most, trailing zeros dropped.
pub fn fixed(value: f64, digits: usize) -> String {
    let text = trimmed(&format!("{:.digits$}", value.abs()));
    if value < 0.0 && text != "0" { format!("−{text}") } else { text }
}

/// A difference of areas with its sign and three decimals: `+0.041`, `−0.008`.
pub fn signed(value: f64) -> String {
    let sign = if value < 0.0 { '−' } else { '+' };
    format!("{sign}{:.3}", value.abs())
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Wall time: `0.8 s`, `95 s`, `3 min 20 s`, `2 h 05 min`.
pub fn duration(secs: f64) -> String {
    match secs {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min {:02.0} s", (s.round() / 60.0).floor(), s.round() % 60.0),
        s => format!("{:.0} h {:02.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.9314), "93.1\u{202f}%");
        assert_eq!(percent(1.0), "100\u{202f}%");
        assert_eq!(percent(0.9999), "99.9\u{202f}%");
        assert_eq!(percent(0.0001), "0.1\u{202f}%");
        assert_eq!(percent(0.0), "0\u{202f}%");
        assert_eq!(area(0.99999), "0.999");
        assert_eq!(area(1.0), "1.000");
        assert_eq!(count(2_765_568), "2\u{202f}765\u{202f}568");
        assert_eq!(count(1500), "1500");
        assert_eq!(
            [0.1234, 12.34, 1234.5, 123_456.0, 0.000_123, -2.0, 0.0].map(short).join(" "),
            "0.123 12.3 1234 1.23e5 1.23e-4 −2 0"
        );
        assert_eq!(
            [0.84, 95.0, 200.0, 7500.0].map(duration).join(", "),
            "0.8 s, 95 s, 3 min 20 s, 2 h 05 min"
        );
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(plural(1, "image"), "1 image");
        assert_eq!([0.0412, -0.0081].map(signed).join(" "), "+0.041 −0.008");
    }
}
