//! A place in a slice of bytes that moves forward and never past the end.

use crate::Malformed;

/// Reads values one after the other, and knows for errors where in the peer's bytes it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::starting_at(bytes, 0)
    }

    /// For a part whose first byte is the byte `at` of what the peer sent.
    pub(crate) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed {
            at: self.at,
            expected,
        }
    }

    /// Insists that nothing is left.
    pub(crate) fn end(&self, expected: &'static str) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.malformed(expected))
        }
    }

    pub(crate) fn take(
        &mut self,
        length: usize,
        expected: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.malformed(expected))?;
        self.rest = rest;
        self.at += length;
        Ok(taken)
    }

    /// Like [`Cursor::take`], as a cursor of its own.
    pub(crate) fn part(
        &mut self,
        length: usize,
        expected: &'static str,
    ) -> Result<Self, Malformed> {
        let at = self.at;
        Ok(Self::starting_at(self.take(length, expected)?, at))
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.malformed(expected))?;
        self.rest = rest;
        self.at += N;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, expected: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(expected).map(|[byte]| byte)
    }

    pub(crate) fn u16_le(&mut self, expected: &'static str) -> Result<u16, Malformed> {
        self.array(expected).map(u16::from_le_bytes)
    }

    pub(crate) fn u32_le(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        self.array(expected).map(u32::from_le_bytes)
    }

    pub(crate) fn u64_le(&mut self, expected: &'static str) -> Result<u64, Malformed> {
        self.array(expected).map(u64::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self, expected: &'static str) -> Result<u16, Malformed> {
        self.array(expected).map(u16::from_be_bytes)
    }

    pub(crate) fn u32_be(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        self.array(expected).map(u32::from_be_bytes)
    }

    /// A 32-bit length or count as a size in memory. Nothing is reserved for it: every use goes
    /// through [`Cursor::take`], which compares it with the bytes that are there.
    pub(crate) fn size_le(&mut self, expected: &'static str) -> Result<usize, Malformed> {
        let here = *self;
        usize::try_from(self.u32_le(expected)?).map_err(|_| here.malformed(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_cut_short_is_malformed_where_it_begins() {
        let mut cursor = Cursor::starting_at(&[1, 2, 3], 40);
        assert_eq!(cursor.u16_le("a number"), Ok(0x0201));
        assert_eq!(
            cursor.u32_be("another number"),
            Err(Malformed {
                at: 42,
                expected: "another number"
            })
        );
        assert_eq!(cursor.rest(), [3], "a failed read takes nothing");
    }

    #[test]
    fn a_part_keeps_its_place_in_the_whole() {
        let mut cursor = Cursor::new(&[0, 1, 2, 3, 4]);
        let _header = cursor.u8("a header");
        let part = cursor.part(2, "a part").unwrap();
        assert_eq!((part.at(), part.rest()), (1, [1, 2].as_slice()));
        assert_eq!((cursor.at(), cursor.rest()), (3, [3, 4].as_slice()));
    }
}
