//! Variants as the API shows them: what the listing of one sales channel says, and what a buyer pays there.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::channel::wire::amount::{self, Shown};
use crate::channel::wire::found;
use crate::channel::{Seen, Tax, currency};

pub const READ: &str = "query($i:[ID!],$c:String!){productVariants(ids:$i,channel:$c,first:100){edges{node{id sku \
product{id} pricing{price{gross{amount currency}net{amount currency}}} \
channelListings{channel{slug} price{amount currency} priorPrice{amount currency}}}}}}";
/// Which of the variants are sold in the sales channel.
pub const SOLD: &str = "query($i:[ID!],$c:String!){productVariants(ids:$i,channel:$c,first:100){edges{node{id sku \
channelListings{channel{slug} price{amount currency}}}}}}";
pub const FIND: &str = "query($s:[String!],$c:String!){productVariants(filter:{sku:$s},channel:$c,first:100){edges{node{\
id sku product{id} pricing{price{gross{amount currency}net{amount currency}}} \
channelListings{channel{slug} price{amount currency} priorPrice{amount currency}}}}}}";

#[derive(Deserialize)]
pub struct Variants {
    #[serde(rename = "productVariants")]
    variants: Edges,
}

#[derive(Deserialize)]
struct Edges {
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    node: Variant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    pub id: String,
    pub sku: Option<String>,
    pricing: Option<Pricing>,
    channel_listings: Option<Vec<Listing>>,
}

#[derive(Deserialize)]
struct Pricing {
    price: Option<Taxed>,
}

#[derive(Deserialize)]
struct Taxed {
    gross: Amount,
    net: Amount,
}

#[derive(Deserialize)]
struct Amount {
    amount: Box<RawValue>,
    currency: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    channel: Slug,
    price: Option<Amount>,
    prior_price: Option<Amount>,
}

#[derive(Deserialize)]
struct Slug {
    slug: String,
}

impl Amount {
    fn shown(&self) -> Result<Option<Shown>, String> {
        amount::shown(self.amount.get(), currency(&self.currency)?)
    }
}

impl Variants {
    pub fn into_list(self) -> Vec<Variant> {
        self.variants.edges.into_iter().map(|edge| edge.node).collect()
    }
}

impl Variant {
    /// Whether it is on sale in a sales channel: it has a listing there, and that has a price.
    pub fn is_sold(&self, channel: &str) -> bool {
        self.channel_listings.iter().flatten().any(|one| one.channel.slug == channel && one.price.is_some())
    }

    /// What a buyer pays in a sales channel, promotions included; `None` where the variant is not listed.
    pub fn seen(&self, channel: &str, tax: Tax) -> Option<Seen> {
        let listing = self.channel_listings.iter().flatten().find(|one| one.channel.slug == channel)?;
        let shown = self.pricing.as_ref().and_then(|pricing| pricing.price.as_ref());
        let shown = shown.map(|taxed| if tax == Tax::Gross { &taxed.gross } else { &taxed.net });
        // A product that buyers cannot see has no price for them; its own price still tells.
        let price = shown.or(listing.price.as_ref()).map_or(Ok(None), Amount::shown);
        let prior = listing.prior_price.as_ref().map_or(Ok(None), Amount::shown);
        Some(found::crossed_out(found::shown(self.id.clone(), price), prior))
    }
}
