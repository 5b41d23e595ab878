//! A small XML document as a tree, for messages of a few kilobytes; and text that is safe inside XML.
//!
//! The safety of the EPCIS reader (`epcis/xml/read.rs`): no document type declaration, no entity but the five, UTF-8 only, limits on
//! depth and count. Names are resolved: a prefix may be called anything. It knows no dialect.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::message::Refusal;

/// Deepest nesting; the dialects need seven.
const DEPTH: usize = 32;
/// Most elements of a message; the dialects need thirty.
const ELEMENTS: usize = 2_000;

/// An element. Comments and processing instructions are dropped, text is put together and trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::transport) struct Element {
    /// Empty: in no namespace.
    pub(in crate::transport) namespace: String,
    pub(in crate::transport) name: String,
    /// Local name and value; namespace declarations are not among them.
    pub(in crate::transport) attributes: Vec<(String, String)>,
    pub(in crate::transport) text: String,
    pub(in crate::transport) children: Vec<Element>,
}

impl Element {
    /// The first child of a name in one of the namespaces.
    pub(in crate::transport) fn child(&self, namespaces: &[&str], name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespaces, name))
    }

    /// The text of the one child of a name in one of the namespaces; none if there is none, or nothing in it. Two are refused: which
    /// of them counts must not be a guess.
    pub(super) fn value(&self, namespaces: &[&str], name: &str) -> Result<Option<&str>, Refusal> {
        let mut found = self.children.iter().filter(|child| child.is(namespaces, name));
        let first = found.next().map(|child| child.text.as_str()).filter(|text| !text.is_empty());
        match found.next() {
            None => Ok(first),
            Some(_) => Err(Refusal::bad(format!("`{name}` stands twice in `{}`", self.name))),
        }
    }

    /// The same, to keep.
    pub(super) fn owned(&self, namespaces: &[&str], name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.value(namespaces, name)?.map(str::to_owned))
    }

    /// The same where it must be there.
    pub(super) fn required(&self, namespaces: &[&str], name: &str) -> Result<&str, Refusal> {
        self.value(namespaces, name)?
            .ok_or_else(|| Refusal::bad(format!("`{name}` is missing in `{}`", self.name)))
    }

    /// Whether it has a name in one of the namespaces.
    pub(in crate::transport) fn is(&self, namespaces: &[&str], name: &str) -> bool {
        self.name == name && namespaces.contains(&self.namespace.as_str())
    }

    /// An attribute by its local name.
    pub(in crate::transport) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The name as people write it: `{namespace}name`.
    pub(in crate::transport) fn full_name(&self) -> String {
        let cut = |text: &str| text.chars().take(80).collect::<String>();
        format!("{{{}}}{}", cut(&self.namespace), cut(&self.name))
    }
}

/// Reads a whole document; an error says in one line what is wrong and where.
pub(in crate::transport) fn read(bytes: &[u8]) -> Result<Element, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    // Also where no value stands: a name with such a character is none.
    if let Some(place) = text.bytes().position(is_forbidden) {
        return Err(format!("line {}: {FORBIDDEN}", line_of(text, place as u64)));
    }
    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut building = Building::default();
    loop {
        let place = reader.buffer_position();
        let at = |what: &str| format!("line {}: {what}", line_of(text, place));
        let (namespace, event) = reader.read_resolved_event().map_err(|error| at(&error.to_string()))?;
        let namespace = match (&event, namespace) {
            (Event::Start(_), ResolveResult::Bound(namespace)) => namespace.0.to_owned(),
            (Event::Start(start), ResolveResult::Unknown(_)) => {
                let name: String = start.name().0.chars().take(80).collect();
                return Err(at(&format!("nothing declares the prefix of `{name}`")));
            }
            (_, _) => String::new(),
        };
        match event {
            Event::Start(start) => building.open(namespace, &start).map_err(|error| at(&error))?,
            Event::End(_) => building.close(),
            Event::Text(text) => building.text(&text.xml10_content()).map_err(|error| at(&error))?,
            Event::CData(text) => building.text(&text.xml10_content()).map_err(|error| at(&error))?,
            Event::GeneralRef(reference) => {
                let character = resolve(&reference).map_err(|error| at(&error))?;
                building
                    .text(character.encode_utf8(&mut [0; 4]))
                    .map_err(|error| at(&error))?;
            }
            Event::DocType(_) => return Err(at("a document type declaration is not taken")),
            Event::Decl(declaration) => match declaration.encoding() {
                Some(Ok(encoding)) if !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "us-ascii") => {
                    return Err(at("the encoding is not UTF-8"));
                }
                Some(Err(error)) => return Err(at(&error.to_string())),
                Some(Ok(_)) | None => {}
            },
            Event::Comment(_) | Event::PI(_) => {}
            Event::Empty(_) => return Err(at("an unexpected token")),
            Event::Eof => return building.finish(),
        }
    }
}

/// What is open, outermost first, and the root once it is closed.
#[derive(Default)]
struct Building {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Building {
    fn open(&mut self, namespace: String, start: &BytesStart<'_>) -> Result<(), String> {
        self.count += 1;
        if self.open.len() >= DEPTH {
            return Err(format!("nested deeper than {DEPTH}"));
        }
        if self.count > ELEMENTS {
            return Err(format!("more than {ELEMENTS} elements"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second root element".to_owned());
        }
        let mut element = Element {
            namespace,
            name: start.local_name().into_inner().to_owned(),
            ..Element::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = attribute.key.0;
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
            allowed(&value)?;
            let name = attribute.key.local_name().into_inner().to_owned();
            element.attributes.push((name, value.into_owned()));
        }
        self.open.push(element);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        allowed(text)?;
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err("text outside the root element".to_owned()),
        }
        Ok(())
    }

    fn close(&mut self) {
        // The parser checks that names match, so there is one open.
        let Some(mut element) = self.open.pop() else { return };
        let trimmed = element.text.trim();
        if trimmed.len() < element.text.len() {
            element.text = trimmed.to_owned();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn finish(self) -> Result<Element, String> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            Some(_) | None => Err("the document ends early".to_owned()),
        }
    }
}

fn line_of(text: &str, place: u64) -> usize {
    let read = usize::try_from(place).unwrap_or(text.len()).min(text.len());
    1 + text.as_bytes().iter().take(read).filter(|byte| **byte == b'\n').count()
}

const FORBIDDEN: &str = "a control character that XML does not allow";

/// XML 1.0 clause 2.2; the parser itself lets such characters pass.
fn is_forbidden(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The same for what may have come by a reference.
fn allowed(text: &str) -> Result<(), String> {
    match text.bytes().any(is_forbidden) {
        true => Err(FORBIDDEN.to_owned()),
        false => Ok(()),
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Ok(character),
        Err(error) => Err(error.to_string()),
        Ok(None) => match &**reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err("an entity that is none of XML's five".to_owned()),
        },
    }
}

/// Appends an element that holds only text; nothing if there is no text.
pub(in crate::transport) fn push(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.extend(["<", name, ">", &escaped(text), "</", name, ">"]);
    }
}

/// Text for inside an element or attribute.
pub(in crate::transport) fn escaped(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| {
            if c < ' ' && !matches!(c, '\t' | '\n' | '\r') {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    quick_xml::escape::escape(visible.as_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_any_name() {
        let one = read(b"<?xml version='1.0' encoding='UTF-8'?><a:r xmlns:a='urn:x'><b xmlns='urn:y' k='1 &amp; 2'> t&#65;<!-- --><![CDATA[<]]> </b></a:r>");
        let other = read(b"\xEF\xBB\xBF<r xmlns='urn:x'><q:b xmlns:q='urn:y' k='1 &#38; 2'>tA&lt;</q:b></r>");
        assert_eq!(one, other);
        let root = one.unwrap();
        assert_eq!(root.full_name(), "{urn:x}r");
        let child = root.child(&["urn:z", "urn:y"], "b").unwrap();
        assert_eq!((child.text.as_str(), child.attribute("k")), ("tA<", Some("1 & 2")));
        assert_eq!(root.child(&["urn:x"], "b"), None);
    }

    #[test]
    fn what_is_no_safe_xml_is_refused_in_one_line() {
        let check = |text: &str, expect: &str| {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(expect) && !error.contains('\n'), "{error}");
        };
        check("", "ends early");
        check("<a>", "");
        check("<a></b>", "");
        check("x<a/>", "outside the root");
        check("<a/><b/>", "second root");
        check("<p:a/>", "prefix");
        check("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type");
        check("<a>\n&x;</a>", "line 2: an entity");
        check("<a b='&x;'/>", "line 1");
        check("<?xml version='1.0' encoding='UTF-16'?><a/>", "not UTF-8");
        check("<a>\u{1}</a>", "control character");
        check("<a>\n<\u{1}/></a>", "line 2: a control character");
        check("<a>&#1;</a>", "control character");
        check(&("<a>".repeat(40) + &"</a>".repeat(40)), "deeper than");
        check(&format!("<a>{}</a>", "<b/>".repeat(3_000)), "more than 2000");
        assert!(read(b"<a>\xFF</a>").unwrap_err().contains("byte 4"));
        assert!(read(b"\xFF\xFE<\0a\0/\0>\0").is_err());
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;&apos;\u{FFFD}");
        let mut out = String::new();
        push(&mut out, "x", Some("1 < 2"));
        push(&mut out, "y", None);
        assert_eq!(out, "<x>1 &lt; 2</x>");
    }
}
