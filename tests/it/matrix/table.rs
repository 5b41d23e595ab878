//! Tables as text: cells first, then what they are about, over several lines if need be.

/// Longest line.
const WIDE: usize = 190;

pub struct Table {
    heads: Vec<String>,
    rows: Vec<(Vec<String>, String)>,
}

impl Table {
    pub fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self {
            heads: heads.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    pub fn row(&mut self, cells: Vec<String>, about: &str) {
        assert_eq!(cells.len(), self.heads.len(), "{about}");
        self.rows.push((cells, about.to_owned()));
    }

    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|(cells, _)| cells[column].chars().count());
            cells.chain([self.heads[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join(" ")
        };
        let mut text = format!("  {}\n", line(&self.heads).trim_end());
        for (cells, about) in &self.rows {
            let start = line(cells);
            let mut row = format!("  {start} |");
            for word in about.split(' ') {
                if row.len() + word.len() > WIDE {
                    text.push_str(row.trim_end());
                    text.push('\n');
                    row = format!("  {} |", " ".repeat(start.chars().count()));
                }
                row.push(' ');
                row.push_str(word);
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}
