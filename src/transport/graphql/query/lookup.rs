//! Look-ups of single serial numbers.

use async_graphql::{Context, Object};

use crate::service::serial::lookup::{self, Asked};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::lookup::{SerialLookup, SerialLookupInput};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct LookupQuery;

#[Object]
impl LookupQuery {
    /// Whether serial numbers were issued, to whom, and what became of them, in the order of the call and at most a page of them. For many
    /// at once send them to `/serials/v1/lookups` on the machine port.
    #[graphql(complexity = "numbers.len() * child_complexity + 1")]
    async fn serial_lookup(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The numbers; products may be mixed.")] numbers: Vec<SerialLookupInput>,
    ) -> Answer<Vec<SerialLookup>> {
        let (hub, actor) = caller(context)?;
        let most = hub.limits().page;
        if numbers.len() > most {
            return Err(bad_input(format!(
                "`numbers` takes at most {most}: send more to `/serials/v1/lookups`"
            )));
        }
        let registry = hub.registry();
        let lines: Vec<_> = numbers
            .into_iter()
            .map(|number| (Asked::read(&registry, number.gtin.as_deref(), &number.serial), number.serial))
            .collect();
        let asked = lines.iter().filter_map(|(read, _)| read.as_ref().ok().cloned()).collect();
        let mut found = lookup::lookup_all(hub, actor, asked).await.map_err(refuse)?.into_iter();
        let answers = lines.into_iter().filter_map(|line| match line {
            (Ok(_), _) => found.next().map(|lookup| SerialLookup::of(&registry, lookup)),
            (Err(why), text) => Some(SerialLookup::unreadable(text, why)),
        });
        Ok(answers.collect())
    }
}
