//! Counts lines while a document goes by, so that a syntax error can say where it stopped.

use std::io::{self, BufRead, Read};

/// A reader that knows on which line and column it is.
#[derive(Debug)]
pub(super) struct Lines<R> {
    inner: R,
    line: u64,
    /// Bytes consumed since the last line feed.
    column: u64,
    /// A byte order mark may stand before the first byte and is skipped.
    started: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            line: 1,
            column: 0,
            started: false,
        }
    }

    /// `line:column` of the last byte consumed, both from 1.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.line, self.column.max(1))
    }

    /// The lines in the next bytes, and the column after them.
    fn count(&mut self, amount: usize) -> io::Result<(u64, u64)> {
        let mut rest = self.inner.fill_buf()?.get(..amount).unwrap_or_default();
        let (mut lines, mut column) = (0, self.column);
        while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
            lines += 1;
            column = 0;
            rest = &rest[at + 1..];
        }
        Ok((lines, column + rest.len() as u64))
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(out)?;
        self.consume(amount);
        Ok(amount)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.started {
            self.started = true;
            if self.inner.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
                self.inner.consume(3);
            }
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // These bytes are in the buffer already; were `fill_buf` to fail all the same, only the position would be off.
        if let Ok((lines, column)) = self.count(amount) {
            self.line += lines;
            self.column = column;
        }
        self.inner.consume(amount);
    }
}
