//! Deflate (RFC 1951) for the filtered rows of grey images: one block, of bytes and of runs of zeros.
//!
//! What a filter leaves of a smooth image is small numbers in no order. Nothing in it comes again, which is
//! what general compressors look for; a good code of its bytes is all there is to be had. In masks, zeros run on.

use pulp::{Arch, Simd, WithSimd};
use simd_adler32::adler32;

/// The symbol that ends a block, after those of the 256 bytes; lengths of runs follow.
const END: usize = 256;
const SYMBOLS: usize = 286;
/// No symbol has more bits: four of them go into a word beside what is left of a byte.
const LONGEST: u32 = 14;
/// The longest run that one symbol stands for.
const MOST: usize = 258;
/// Bytes that are looked at together for zeros: so many are seldom there by chance, and looking costs little.
const BLOCK: usize = 16;

/// The zlib stream (RFC 1950) of `bytes`.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let code = Code::of(bytes);
    let mut bits = Bits { bytes: Vec::with_capacity(bytes.len() / 2 + 512), ..Bits::default() };
    bits.bytes.extend([0x78, 0x01]);
    code.describe(&mut bits);
    let mut writer = Writer { pairs: Pairs::of(&code), code, bits };
    Arch::new().dispatch(Walk { bytes, sink: &mut writer });
    writer.symbol(END);
    writer.bits.put(0, 7);
    let mut stream = writer.bits.bytes;
    stream.extend(adler32(&bytes).to_be_bytes());
    stream
}

/// What takes in a stream, piece by piece.
trait Sink {
    fn word(&mut self, bytes: &[u8; 8]);
    fn byte(&mut self, byte: u8);
    /// The last byte so many times more, from 3 to [`MOST`].
    fn run(&mut self, length: usize);
}

/// Gives `bytes` to `sink`.
struct Walk<'a, S> {
    bytes: &'a [u8],
    sink: &'a mut S,
}

impl<T: Sink> WithSimd for Walk<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { bytes, sink } = self;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut at = 0;
        while let Some(block) = blocks.get(at) {
            let zeros = blocks[at..].iter().take_while(|block| **block == [0; BLOCK]).count();
            if zeros == 0 {
                block.as_chunks().0.iter().for_each(|word| sink.word(word));
                at += 1;
                continue;
            }
            sink.byte(0);
            let mut left = BLOCK * zeros - 1;
            while left > 0 {
                // So that what is left is not too short for a run.
                let length = if (MOST + 1..MOST + 3).contains(&left) { MOST - 3 } else { left.min(MOST) };
                sink.run(length);
                left -= length;
            }
            at += zeros;
        }
        rest.iter().for_each(|&byte| sink.byte(byte));
    }
}

/// The symbol of a run, the bits that follow it, and how many these are (RFC 1951, section 3.2.5).
fn run(length: usize) -> (usize, u64, u32) {
    match length - 3 {
        255 => (285, 0, 0),
        above @ 0..8 => (257 + above, 0, 0),
        above => {
            let count = above.ilog2() - 2;
            let symbol = 257 + 4 * count as usize + (above >> count);
            (symbol, (above % (1 << count)) as u64, count)
        }
    }
}

/// How often each symbol is needed, in four parts: a single counter of a byte that comes again and again would
/// have to wait for itself.
struct Counts([[u32; SYMBOLS]; 4]);

impl Sink for Counts {
    #[inline(always)]
    fn word(&mut self, bytes: &[u8; 8]) {
        for bytes in bytes.as_chunks::<4>().0 {
            self.0.iter_mut().zip(bytes).for_each(|(part, &byte)| part[usize::from(byte)] += 1);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.0[0][usize::from(byte)] += 1;
    }

    fn run(&mut self, length: usize) {
        self.0[0][run(length).0] += 1;
    }
}

impl Counts {
    /// Lengths of a code for all symbols: the logarithm of one over each one's share, rounded up (Shannon 1948,
    /// section 9); what that leaves over goes to the most frequent ones, until nothing is left.
    fn lengths(&self) -> [u32; SYMBOLS] {
        let counts: [u32; SYMBOLS] =
            std::array::from_fn(|symbol| self.0.iter().map(|part| part[symbol]).sum());
        let needed: u32 = counts.iter().sum();
        // What is needed less often than once in 2^13 counts as that, so that none is longer than `LONGEST`.
        let least = needed.div_ceil(1 << (LONGEST - 1)).max(1);
        let counts = counts.map(|count| count.max(least));
        let total: u32 = counts.iter().sum();
        let mut lengths = counts.map(|count| total.div_ceil(count).next_power_of_two().ilog2());
        let room = |length: u32| 1u32 << (LONGEST - length);
        let mut left = room(0) - lengths.iter().map(|&length| room(length)).sum::<u32>();
        // The few that are frequent, then those that are not, which are all alike.
        let (mut order, rare): (Vec<usize>, Vec<usize>) =
            (0..SYMBOLS).partition(|&symbol| counts[symbol] > least);
        order.sort_by_key(|&symbol| std::cmp::Reverse(counts[symbol]));
        order.extend(rare);
        while left > 0 {
            for &symbol in &order {
                let more = room(lengths[symbol]);
                if more <= left && lengths[symbol] > 1 {
                    lengths[symbol] -= 1;
                    left -= more;
                }
            }
        }
        lengths
    }
}

/// A prefix code: the bits of each symbol, and how many they are.
struct Code([(u16, u8); SYMBOLS]);

impl Code {
    /// A code for `bytes`, of which it looks at about 16 kB, and for any others.
    fn of(bytes: &[u8]) -> Self {
        let mut counts = Counts([[0; SYMBOLS]; 4]);
        for bytes in bytes.chunks(1024).step_by((bytes.len() / 16384).max(1)) {
            Arch::new().dispatch(Walk { bytes, sink: &mut counts });
        }
        Self::canonical(&counts.lengths())
    }

    /// The code of these lengths (RFC 1951, section 3.2.2).
    fn canonical(lengths: &[u32; SYMBOLS]) -> Self {
        let mut of_length = [0u16; LONGEST as usize + 1];
        lengths.iter().for_each(|&length| of_length[length as usize] += 1);
        // The first code of each length follows the last one that is shorter.
        let mut next = [0u16; LONGEST as usize + 1];
        for length in 1..next.len() {
            next[length] = (next[length - 1] + of_length[length - 1]) << 1;
        }
        Self(lengths.map(|length| {
            let code = &mut next[length as usize];
            *code += 1;
            ((*code - 1).reverse_bits() >> (16 - length), length as u8)
        }))
    }

    /// Writes the head of the block: the length of each symbol, in four bits, or how often the one before comes again
    /// (RFC 1951, section 3.2.7).
    fn describe(&self, bits: &mut Bits) {
        const AGAIN: u8 = 16;
        // The last block; its own code; 286 symbols, one distance, 19 lengths.
        bits.put(0b1 | 0b10 << 1 | 29 << 3 | 15 << 13, 17);
        // Lengths up to 14, and `AGAIN`, are sixteen symbols of four bits each.
        for length in [AGAIN, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
            bits.put(if length < 15 || length == AGAIN { 4 } else { 0 }, 3);
        }
        let symbol = |length: u8| u64::from(length.min(15).reverse_bits() >> 4);
        let lengths: Vec<u8> = self.0.iter().map(|&(_, length)| length).chain([1]).collect();
        for equal in lengths.chunk_by(|a, b| a == b) {
            bits.put(symbol(equal[0]), 4);
            for again in equal[1..].chunks(6) {
                match again.len() {
                    count @ 3.. => bits.put(symbol(AGAIN) | (count as u64 - 3) << 4, 6),
                    _ => again.iter().for_each(|&length| bits.put(symbol(length), 4)),
                }
            }
        }
    }
}

/// The bits of each two bytes from -8 to 7, and how many they are: nearly all that a filter leaves of a smooth image.
/// A pair's place has the first byte in its lower half and the second in its upper, both raised by 8.
struct Pairs([(u32, u32); 256]);

impl Pairs {
    fn of(code: &Code) -> Self {
        let one = |half: usize| code.0[usize::from((half as u8).wrapping_sub(8))];
        Self(std::array::from_fn(|place| {
            let (first, second) = (one(place % 16), one(place / 16));
            (u32::from(first.0) | u32::from(second.0) << first.1, u32::from(first.1 + second.1))
        }))
    }

    /// `None` where one of the bytes is larger.
    #[inline(always)]
    fn get(&self, bytes: &[u8; 8]) -> Option<[(u64, u32); 4]> {
        const TOP: u64 = 0x8080_8080_8080_8080;
        let word = u64::from_le_bytes(*bytes);
        // 8 more in each byte, with no carry into the next.
        let raised = ((word & !TOP) + (TOP >> 4)) ^ (word & TOP);
        if raised & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
            return None;
        }
        let places = raised | raised >> 4;
        Some([0, 16, 32, 48].map(|at| {
            let (bits, count) = self.0[usize::from((places >> at) as u8)];
            (u64::from(bits), count)
        }))
    }
}

/// Bits in bytes, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// Adds at most 56 bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        let end = self.bytes.len() + (self.count / 8) as usize;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes());
        self.bytes.truncate(end);
        self.pending >>= self.count / 8 * 8;
        self.count %= 8;
    }
}

struct Writer {
    code: Code,
    pairs: Pairs,
    bits: Bits,
}

impl Writer {
    #[inline(always)]
    fn symbol(&mut self, symbol: usize) {
        let (bits, count) = self.code.0[symbol];
        self.bits.put(bits.into(), count.into());
    }

    /// Four bytes, which have at most 56 bits together.
    #[inline(always)]
    fn four(&mut self, bytes: &[u8; 4]) {
        let (mut all, mut total) = (0, 0);
        for &byte in bytes {
            let (bits, count) = self.code.0[usize::from(byte)];
            all |= u64::from(bits) << total;
            total += u32::from(count);
        }
        self.bits.put(all, total);
    }
}

impl Sink for Writer {
    #[inline(always)]
    fn word(&mut self, bytes: &[u8; 8]) {
        let Some([a, b, c, d]) = self.pairs.get(bytes) else {
            return bytes.as_chunks().0.iter().for_each(|four| self.four(four));
        };
        let (first, second) = ((a.0 | b.0 << a.1, a.1 + b.1), (c.0 | d.0 << c.1, c.1 + d.1));
        if first.1 + second.1 <= 56 {
            self.bits.put(first.0 | second.0 << first.1, first.1 + second.1);
        } else {
            self.bits.put(first.0, first.1);
            self.bits.put(second.0, second.1);
        }
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.symbol(byte.into());
    }

    fn run(&mut self, length: usize) {
        let (symbol, extra, count) = run(length);
        self.symbol(symbol);
        // After it comes the distance, 1: the only one, and a bit of 0.
        self.bits.put(extra, count + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A decoder takes a code that uses up all its room (Kraft's sum is 1), and no other.
        #[test]
        fn codes_are_complete_whatever_is_counted(
            some in prop::collection::vec((0..SYMBOLS, 0..24u32, any::<u32>()), 0..40)
        ) {
            let mut counts = Counts([[0; SYMBOLS]; 4]);
            for (symbol, shift, count) in some {
                counts.0[0][symbol] = count % (1 << shift);
            }
            let lengths = counts.lengths();
            prop_assert!(lengths.iter().all(|length| (1..=LONGEST).contains(length)));
            prop_assert_eq!(lengths.iter().map(|&length| 1u32 << (LONGEST - length)).sum::<u32>(), 1 << LONGEST);
        }
    }

    #[test]
    fn the_more_often_a_symbol_is_needed_the_shorter_it_is() {
        let mut counts = Counts([[0; SYMBOLS]; 4]);
        counts.0[3][..4].copy_from_slice(&[8000, 4000, 2000, 1000]);
        let lengths = counts.lengths();
        assert_eq!(lengths[..4], [1, 2, 3, 4]);
        assert!(lengths[4..].iter().all(|&length| length > 10), "{lengths:?}");
    }

    /// RFC 1951, section 3.2.5: the table of lengths.
    #[test]
    fn runs_have_the_symbols_of_the_standard() {
        let table = [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 0, 1)),
            (12, (265, 1, 1)),
            (13, (266, 0, 1)),
            (114, (279, 15, 4)),
            (115, (280, 0, 4)),
            (131, (281, 0, 5)),
            (257, (284, 30, 5)),
            (258, (285, 0, 0)),
        ];
        for (length, symbol) in table {
            assert_eq!(run(length), symbol, "{length}");
        }
    }
}
