//! What documents say of themselves, and the master data that came in them, by asserter and document.
//!
//! The bytes of a document hold all of it ([`super::object`]); these rows are what can be looked for.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{QueryResult, Value};

use crate::domain::ids::{DocumentId, PartyId};

use super::bulk::Rows;
use super::row::{column, json};
use super::{Db, StorageError, Tx};

/// The header of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Who sends, as the header names it.
    pub sender: Option<String>,
    /// To whom.
    pub receiver: Option<String>,
    /// The sender's own number of the document.
    pub instance_id: Option<String>,
    /// Whether it has a DSCSA transaction statement, and what that affirms.
    pub statement: Option<Statement>,
}

/// A DSCSA transaction statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it affirms; `None` where it says neither.
    pub affirmed: Option<bool>,
    /// Its legal notice.
    pub legal_notice: Option<String>,
}

/// What a document says that an identifier stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterElement {
    /// `type` of its vocabulary.
    pub vocabulary: String,
    /// The identifier in its canonical form.
    pub id: String,
    /// Attributes in the order sent.
    pub attributes: Vec<(String, String)>,
    /// Identifiers below it.
    pub children: Vec<String>,
}

/// Longest identifier that can be looked for, in bytes: an index of PostgreSQL has room for no longer one.
const ID_BYTES: usize = 1_000;

/// Stores what a document says.
pub async fn insert(
    tx: &Tx,
    (document, party): (DocumentId, &PartyId),
    header: &Header,
    elements: &[MasterElement],
) -> Result<(), StorageError> {
    if *header != Header::default() {
        let statement = header.statement.as_ref();
        let sql =
            "INSERT INTO document_header (document_id, sender, receiver, instance_id, has_statement, affirmed, legal_notice)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values: Vec<Value> = vec![
            document.uuid().into(),
            header.sender.clone().into(),
            header.receiver.clone().into(),
            header.instance_id.clone().into(),
            i16::from(statement.is_some()).into(),
            statement.and_then(|statement| statement.affirmed).map(i16::from).into(),
            statement.and_then(|statement| statement.legal_notice.clone()).into(),
        ];
        tx.execute("storing the header of a document", sql, values).await?;
    }
    let elements: Vec<&MasterElement> = elements.iter().filter(|element| element.id.len() <= ID_BYTES).collect();
    if elements.is_empty() {
        return Ok(());
    }
    let attributes: Vec<String> = elements
        .iter()
        .map(|element| serde_json::to_string(&element.attributes))
        .collect::<Result<_, _>>()
        .map_err(|error| StorageError::Inconsistent(format!("master_data.attributes cannot be written: {error}")))?;
    let (table, mut binds) = Rows::default()
        .ints("ordinal", (0..).take(elements.len()).collect::<Vec<i64>>())
        .texts("id", elements.iter().map(|element| Some(element.id.as_str())))
        .texts("vocabulary", elements.iter().map(|element| Some(element.vocabulary.as_str())))
        .texts("attributes", attributes.iter().map(Some))
        .table(tx.backend(), 3);
    binds.splice(0..0, [document.uuid().into(), party.as_str().into()]);
    let sql = format!(
        "INSERT INTO master_data (document_id, party_id, ordinal, id, vocabulary, attributes)
         SELECT $1, $2, ordinal, id, vocabulary, attributes FROM {table}"
    );
    tx.execute("storing master data", &sql, binds).await?;
    let below: BTreeSet<(&str, &str)> = elements
        .iter()
        .flat_map(|element| element.children.iter().map(|child| (child.as_str(), element.id.as_str())))
        .filter(|(child, _)| child.len() <= ID_BYTES)
        .collect();
    if below.is_empty() {
        return Ok(());
    }
    let (table, mut binds) = Rows::default()
        .texts("child", below.iter().map(|(child, _)| Some(*child)))
        .texts("parent", below.iter().map(|(_, parent)| Some(*parent)))
        .table(tx.backend(), 3);
    binds.splice(0..0, [document.uuid().into(), party.as_str().into()]);
    let sql =
        format!("INSERT INTO master_child (document_id, party_id, child, parent) SELECT $1, $2, child, parent FROM {table}");
    tx.execute("storing what lies below what", &sql, binds).await?;
    Ok(())
}

/// The header of a document.
pub async fn header(db: &Db, document: DocumentId) -> Result<Header, StorageError> {
    let sql =
        "SELECT sender, receiver, instance_id, has_statement, affirmed, legal_notice FROM document_header WHERE document_id = $1";
    let row = db
        .query_one("reading the header of a document", sql, vec![document.uuid().into()])
        .await?;
    let Some(row) = row else { return Ok(Header::default()) };
    let statement = match column::<i16>(&row, "document_header", "has_statement")? {
        0 => None,
        _ => Some(Statement {
            affirmed: column::<Option<i16>>(&row, "document_header", "affirmed")?.map(|value| value != 0),
            legal_notice: column(&row, "document_header", "legal_notice")?,
        }),
    };
    Ok(Header {
        sender: column(&row, "document_header", "sender")?,
        receiver: column(&row, "document_header", "receiver")?,
        instance_id: column(&row, "document_header", "instance_id")?,
        statement,
    })
}

/// Attributes of one identifier.
pub type Attributes = Vec<(String, String)>;

/// What documents say of identifiers: vocabulary and attributes, several entries of one document put together.
pub async fn told(
    db: &Db,
    pairs: &BTreeSet<(DocumentId, String)>,
) -> Result<BTreeMap<(DocumentId, String), (String, Attributes)>, StorageError> {
    let mut found = BTreeMap::<(DocumentId, String), (String, Attributes)>::new();
    if pairs.is_empty() {
        return Ok(found);
    }
    let (table, binds) = pairs_table(db, pairs);
    let sql = format!(
        "SELECT m.document_id, m.id, m.vocabulary, m.attributes FROM {table} CROSS JOIN master_data m
         WHERE m.document_id = r.document AND m.id = r.id ORDER BY m.document_id, m.ordinal"
    );
    for row in &db.query("reading master data", &sql, binds).await? {
        let key = (
            DocumentId::new(column(row, "master_data", "document_id")?),
            column(row, "master_data", "id")?,
        );
        let attributes: Attributes = json(row, "master_data", "attributes")?;
        let (vocabulary, known) = found.entry(key).or_default();
        *vocabulary = column(row, "master_data", "vocabulary")?;
        for attribute in attributes {
            if !known.contains(&attribute) {
                known.push(attribute);
            }
        }
    }
    Ok(found)
}

fn pairs_table(db: &Db, pairs: &BTreeSet<(DocumentId, String)>) -> (String, Vec<Value>) {
    Rows::default()
        .uuids("document", pairs.iter().map(|(document, _)| document.uuid()))
        .texts("id", pairs.iter().map(|(_, id)| Some(id)))
        .table(db.backend(), 1)
}

/// What a party's own documents say of identifiers: the newest that speaks of each.
pub async fn own(db: &Db, party: &PartyId, ids: &BTreeSet<String>) -> Result<BTreeMap<String, Attributes>, StorageError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (table, mut binds) = Rows::default().texts("id", ids.iter().map(Some)).table(db.backend(), 2);
    binds.insert(0, party.as_str().into());
    let sql = format!(
        "SELECT m.id, m.attributes FROM {table} CROSS JOIN master_data m WHERE m.party_id = $1 AND m.id = r.id AND m.document_id =
         (SELECT n.document_id FROM master_data n WHERE n.party_id = $1 AND n.id = r.id ORDER BY n.document_id DESC LIMIT 1)
         ORDER BY m.ordinal"
    );
    let mut found = BTreeMap::<String, Attributes>::new();
    for row in &db.query("reading master data", &sql, binds).await? {
        let attributes: Attributes = json(row, "master_data", "attributes")?;
        found.entry(column(row, "master_data", "id")?).or_default().extend(attributes);
    }
    Ok(found)
}

/// Which elements of vocabularies are asked for; `None`: all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Of these vocabularies.
    pub vocabularies: Option<&'a [String]>,
    /// About these identifiers.
    pub ids: Option<&'a [String]>,
}

/// Elements that a party's own documents name, by vocabulary and identifier, each as the newest that speaks of it there has it. Children are
/// in the order of their identifiers. `None`: more than so many entries, or children, are to be read.
pub async fn own_elements(
    db: &Db,
    party: &PartyId,
    asked: Asked<'_>,
    most: usize,
) -> Result<Option<Vec<MasterElement>>, StorageError> {
    let mut binds: Vec<Value> = vec![party.as_str().into()];
    let mut among = |column: &'static str, wanted: Option<&[String]>| {
        let Some(wanted) = wanted else { return String::new() };
        let rows = Rows::default().texts(column, wanted.iter().map(Some));
        let (table, values) = rows.table(db.backend(), binds.len() + 1);
        binds.extend(values);
        format!(" AND m.{column} IN (SELECT r.{column} FROM {table})")
    };
    let among = [among("vocabulary", asked.vocabularies), among("id", asked.ids)].concat();
    let limit = limit(most);
    let sql = format!(
        "SELECT m.document_id, m.vocabulary, m.id, m.attributes FROM master_data m WHERE m.party_id = $1{among} AND m.document_id =
         (SELECT n.document_id FROM master_data n WHERE n.party_id = $1 AND n.id = m.id AND n.vocabulary = m.vocabulary
          ORDER BY n.document_id DESC LIMIT 1)
         ORDER BY m.vocabulary, m.id, m.ordinal LIMIT {limit}"
    );
    let mut found = Vec::<(DocumentId, MasterElement)>::new();
    let rows = db.query("reading vocabularies", &sql, binds).await?;
    if rows.len() > most {
        return Ok(None);
    }
    for row in &rows {
        let document = DocumentId::new(column(row, "master_data", "document_id")?);
        let (vocabulary, id): (String, String) = (column(row, "master_data", "vocabulary")?, column(row, "master_data", "id")?);
        let attributes: Attributes = json(row, "master_data", "attributes")?;
        match found
            .last_mut()
            .filter(|(_, last)| last.vocabulary == vocabulary && last.id == id)
        {
            Some((_, last)) => last.attributes.extend(attributes),
            None => found.push((
                document,
                MasterElement {
                    vocabulary,
                    id,
                    attributes,
                    children: Vec::new(),
                },
            )),
        }
    }
    let Some(mut below) = below(db, found.iter().map(|(document, _)| *document).collect(), most).await? else {
        return Ok(None);
    };
    let whole = |(document, element): (DocumentId, MasterElement)| MasterElement {
        children: below.remove(&(document, element.id.clone())).unwrap_or_default(),
        ..element
    };
    Ok(Some(found.into_iter().map(whole).collect()))
}

/// One more than may be there, so that more are noticed.
fn limit(most: usize) -> i64 {
    i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX)
}

/// Children by document and parent.
type Below = BTreeMap<(DocumentId, String), Vec<String>>;

/// What lies right below what by these documents; `None` if there is too much.
async fn below(db: &Db, documents: BTreeSet<DocumentId>, most: usize) -> Result<Option<Below>, StorageError> {
    let mut found = Below::new();
    if documents.is_empty() {
        return Ok(Some(found));
    }
    let (table, binds) = Rows::default()
        .uuids("document", documents.iter().map(|document| document.uuid()))
        .table(db.backend(), 1);
    let limit = limit(most);
    let sql = format!(
        "SELECT m.document_id, m.child, m.parent FROM {table} CROSS JOIN master_child m WHERE m.document_id = r.document
         ORDER BY m.document_id, m.child LIMIT {limit}"
    );
    let rows = db.query("reading what lies below", &sql, binds).await?;
    if rows.len() > most {
        return Ok(None);
    }
    for row in &rows {
        let (document, child, parent) = above_row(row)?;
        found.entry((document, parent)).or_default().push(child);
    }
    Ok(Some(found))
}

/// What lies right above these identifiers by the party's own documents: child and parent.
pub async fn own_above(db: &Db, party: &PartyId, children: &BTreeSet<String>) -> Result<Vec<(String, String)>, StorageError> {
    if children.is_empty() {
        return Ok(Vec::new());
    }
    let (table, mut binds) = Rows::default()
        .texts("child", children.iter().map(Some))
        .table(db.backend(), 2);
    binds.insert(0, party.as_str().into());
    let sql = format!(
        "SELECT DISTINCT m.child, m.parent FROM {table} CROSS JOIN master_child m WHERE m.party_id = $1 AND m.child = r.child"
    );
    let rows = db.query("reading what lies above", &sql, binds).await?;
    rows.iter()
        .map(|row| Ok((column(row, "master_child", "child")?, column(row, "master_child", "parent")?)))
        .collect()
}

/// What lies right above these identifiers by these documents: document, child and parent.
pub async fn above(db: &Db, pairs: &BTreeSet<(DocumentId, String)>) -> Result<Vec<(DocumentId, String, String)>, StorageError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = pairs_table(db, pairs);
    let sql = format!(
        "SELECT m.document_id, m.child, m.parent FROM {table} CROSS JOIN master_child m WHERE m.document_id = r.document AND m.child = r.id"
    );
    let rows = db.query("reading what lies above", &sql, binds).await?;
    rows.iter().map(above_row).collect()
}

fn above_row(row: &QueryResult) -> Result<(DocumentId, String, String), StorageError> {
    Ok((
        DocumentId::new(column(row, "master_child", "document_id")?),
        column(row, "master_child", "child")?,
        column(row, "master_child", "parent")?,
    ))
}

/// Which of these documents came as XML.
pub async fn in_xml(tx: &Tx, documents: &[DocumentId]) -> Result<Vec<DocumentId>, StorageError> {
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", documents.iter().map(|document| document.uuid()))
        .table(tx.backend(), 1);
    let sql = format!("SELECT d.id FROM {table} JOIN document d ON d.id = r.id WHERE d.media_type LIKE '%xml'");
    let rows = tx.query("reading the syntax of documents", &sql, binds).await?;
    rows.iter()
        .map(|row| column(row, "document", "id").map(DocumentId::new))
        .collect()
}
