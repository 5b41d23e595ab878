//! Where in the frame of the document the reader is, as an XPath and in the schema.

use super::super::schema::tables::Element;
use super::super::schema::xml::{Child, Cursor, Verdict};

/// The elements around the events that are open now.
#[derive(Debug, Default)]
pub(super) struct Frames(Vec<Frame>);

#[derive(Debug)]
struct Frame {
    name: String,
    /// The name, with its position where siblings share it.
    label: String,
    /// How often each name was met inside.
    counts: Vec<(String, usize)>,
    /// How far its schema has been gone through.
    cursor: Cursor,
}

impl Frames {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Local name of the innermost frame, `""` outside the root.
    pub(super) fn innermost(&self) -> &str {
        self.0.last().map_or("", |frame| &frame.name)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|frame| frame.name == name)
    }

    /// What the innermost frame makes of a child. The root has none around it.
    pub(super) fn child(&mut self, child: Child<'_>) -> Verdict {
        self.0.last_mut().map_or(Verdict::Unknown, |frame| frame.cursor.child(child))
    }

    /// The innermost frame's cursor.
    pub(super) fn cursor(&self) -> Cursor {
        self.0.last().map_or(Cursor::new(None), |frame| frame.cursor)
    }

    /// The XPath of the innermost frame.
    pub(super) fn here(&self) -> String {
        self.0.iter().fold(String::new(), |path, frame| path + "/" + &frame.label)
    }

    pub(super) fn enter(&mut self, name: &str, declared: Option<&'static Element>) {
        // Only the wrapper that EPCIS 1.x puts around an event is met more than once.
        let label = if name == "extension" {
            self.numbered(name)
        } else {
            name.to_owned()
        };
        self.0.push(Frame {
            name: name.to_owned(),
            label,
            counts: Vec::new(),
            cursor: Cursor::new(declared),
        });
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// The XPath of a child that has no siblings of its name.
    pub(super) fn path(&self, name: &str) -> String {
        self.here() + "/" + name
    }

    /// The XPath of the next child of that name.
    pub(super) fn next_path(&mut self, name: &str) -> String {
        let label = self.numbered(name);
        self.path(&label)
    }

    fn numbered(&mut self, name: &str) -> String {
        let Some(frame) = self.0.last_mut() else {
            return name.to_owned();
        };
        let known = frame.counts.iter().position(|(counted, _)| counted == name);
        let index = known.unwrap_or_else(|| {
            frame.counts.push((name.to_owned(), 0));
            frame.counts.len() - 1
        });
        frame.counts[index].1 += 1;
        format!("{name}[{}]", frame.counts[index].1)
    }
}
