//! COCO's run lengths of a mask, and the text it packs them into.

use serde::Serialize;

use crate::layer::Mask;

/// A mask as COCO's tools read it: `counts` are the lengths of runs of pixels outside and inside in
/// turn, outside first, down the columns from the top left, packed as text.
#[derive(Debug, PartialEq, Serialize)]
pub struct RunLengths {
    counts: String,
    /// Height and width.
    size: [usize; 2],
}

impl RunLengths {
    /// Encodes `mask`.
    pub fn encode(mask: &Mask) -> Self {
        let n = mask.size_px;
        let mut runs = vec![0i64];
        let mut inside = false;
        for pixel in (0..n * n).map(|i| mask.pixels[i % n * n + i / n]) {
            if pixel != inside {
                inside = pixel;
                runs.push(0);
            }
            if let Some(run) = runs.last_mut() {
                *run += 1;
            }
        }
        Self { counts: pack(&runs), size: [n, n] }
    }
}

/// Each run from the fourth on as its difference to the one two before it, in groups of five bits, low
/// group first, sign in the last group's highest bit; a group is one character, `0` plus its value,
/// plus 32 where another follows (`rleToString` of the COCO API's `maskApi.c`).
fn pack(runs: &[i64]) -> String {
    let mut text = String::new();
    for (at, run) in runs.iter().enumerate() {
        let mut rest = if at > 2 { run - runs[at - 2] } else { *run };
        loop {
            let group = (rest & 0x1f) as u8;
            rest >>= 5;
            let last = rest == if group & 0x10 == 0 { 0 } else { -1 };
            text.push(char::from(b'0' + group + if last { 0 } else { 0x20 }));
            if last {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a quarter disc.
    const DISC: &str = "0X6T300000000000000000000000000000000000000O10000000000000000O10000000000O100000000O100000000O1000000O1000000O10000O1000000O10000O10000O10000O100O10000O100O10000O100O100O10000O100O100O100O100O1O100O100O100O100O1O100O1O100O100O1O100O1O1O100O1O1O100O1O1O100O1O1O1O1O100O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1O1N2O1O1O1O1N2O1O1N2O1O1N2O1O1N2O1N2N2O1N2O1N2N2N2N2O1N2N2N2N2M3N2N2M3N2M3N2M3M3M3L4M3L4L4K5K5J6GiYm0";

    // pycocotools 2.0.11: mask.encode(np.asfortranarray(m)) with m as below, n x n, uint8.
    #[test]
    fn text_equals_pycocotools() {
        type Inside = fn(usize, usize) -> bool;
        let cases: [(usize, Inside, &str); 5] = [
            (4, |_, _| false, "`0"),
            (4, |_, _| true, "0`0"),
            (7, |x, y| x == 3 && (2..5).contains(&y), "g03g0"),
            (7, |x, y| (x + y) % 2 == 0, "01100000000000000000000000000000000000000000000000"),
            (300, |x, y| x * x + y * y < 200 * 200, DISC),
        ];
        for (n, inside, expected) in cases {
            let mask = Mask { size_px: n, pixels: (0..n * n).map(|i| inside(i % n, i / n)).collect() };
            let encoded = RunLengths::encode(&mask);
            assert_eq!(encoded.size, [n, n]);
            assert_eq!(encoded.counts, expected);
        }
    }
}
