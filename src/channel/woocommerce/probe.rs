//! Whether key, currency and tax view fit. Settings need a user of the back office; whether the key may write is asked by
//! a batch without items, which writes nothing.

use reqwest::Method;
use serde_json::json;

use super::{Fault, WooCommerce, refusal};
use crate::channel::wire::graphql::text;
use crate::channel::{Channel as _, ChannelError, Probe, Tax};
use crate::money::exponent;

const UNREADABLE: &str = "the key may not read the shop's settings, so currency and tax are unknown; make the key for an \
                          administrator or shop manager, or compare both by hand";
const TAX_BY_HAND: &str =
    "the shop does not tell its tax settings; compare tax with WooCommerce, Settings, Tax by hand";

/// `wc_get_price_including_tax()` in the vendor's source adds the tax of a piece, rounded unless this is on, to the unrounded
/// net price: 8.3950 with 19 % would be shown as 10.00.
const ROUNDS_TAX: &str = "the shop rounds the tax of each line, so net prices of more decimals give other prices than ours; \
                          turn on \"round tax at subtotal level\" under WooCommerce, Settings, Tax, or take net_decimals out";
const ROUNDING_BY_HAND: &str = "the shop does not tell how it rounds tax; look that \"round tax at subtotal level\" is on under \
                                WooCommerce, Settings, Tax";

/// Whether the configured tax view is the shop's.
enum TaxFit {
    Yes,
    No(String),
    /// The shop does not say.
    Unknown,
}

impl WooCommerce {
    pub(super) async fn look(&self) -> Result<Probe, ChannelError> {
        let answer = self.get(&["data", "currencies", "current"], &[]).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let mut notes = Vec::new();
        if matches!(answer.status, 401 | 403) {
            // The currency needs the same right as the settings; products show whether the key is any good at all.
            Self::good(self.get(&["products"], &[("per_page", "1"), ("_fields", "id")]).await?)?;
            notes.push(UNREADABLE.to_owned());
        } else {
            let currency = text(&Self::good(answer)?.json()?, "code").unwrap_or_default();
            if currency != self.currency.code() {
                problems.push(format!("the shop sells in {currency}; set currency = \"{currency}\""));
            }
            match self.tax_fits().await? {
                TaxFit::Yes => {}
                TaxFit::No(problem) => problems.push(problem),
                TaxFit::Unknown => notes.push(TAX_BY_HAND.to_owned()),
            }
            problems.extend(self.decimals_problem().await?);
            if self.capabilities().decimals() > exponent(self.currency) {
                match self.setting("tax", "woocommerce_tax_round_at_subtotal").await? {
                    Some(value) if value == "yes" => {}
                    Some(_) => problems.push(ROUNDS_TAX.to_owned()),
                    None => notes.push(ROUNDING_BY_HAND.to_owned()),
                }
            }
        }
        problems.extend(self.write_problem().await?);
        Ok(Probe::of("WooCommerce shop", problems).noting(notes))
    }

    /// `wc_prices_include_tax()` in the vendor's source: the option "prices entered with tax" counts only while taxes are on.
    async fn tax_fits(&self) -> Result<TaxFit, ChannelError> {
        let Some(taxes) = self.setting("general", "woocommerce_calc_taxes").await? else { return Ok(TaxFit::Unknown) };
        if taxes == "no" {
            let text = "taxes are off in this shop, buyers pay what is entered; set tax = \"gross\"";
            return Ok(if self.tax == Tax::Net { TaxFit::No(text.to_owned()) } else { TaxFit::Yes });
        }
        Ok(match self.setting("tax", "woocommerce_prices_include_tax").await? {
            Some(value) if (value == "yes") == (self.tax == Tax::Gross) => TaxFit::Yes,
            Some(value) => {
                let says = if value == "yes" { "gross" } else { "net" };
                TaxFit::No(format!("prices are entered {says} in this shop; set tax = \"{says}\""))
            }
            None => TaxFit::Unknown,
        })
    }

    async fn decimals_problem(&self) -> Result<Option<String>, ChannelError> {
        let decimals = self.setting("general", "woocommerce_price_num_decimals").await?;
        let shown = decimals.and_then(|text| text.parse::<u32>().ok());
        Ok(shown.filter(|shown| *shown < exponent(self.currency)).map(|shown| {
            let code = self.currency.code();
            format!("the shop shows {shown} decimals, so buyers see a rounded price; set as many as {code} has")
        }))
    }

    async fn write_problem(&self) -> Result<Option<String>, ChannelError> {
        let call = self.call(Method::POST, &["products", "batch"], &[])?;
        let answer = self.http.ask(call, json!({ "update": [] }).to_string().into_bytes()).await?;
        if matches!(answer.status, 401 | 403) {
            let why = refusal(answer.status, &Fault::of(&answer));
            return Ok(Some(format!("the key may not change products: {why}; give it read and write permission")));
        }
        Self::good(answer).map(|_| None)
    }

    /// A setting's value; `None` for what this shop or this key's user does not show.
    async fn setting(&self, group: &str, id: &str) -> Result<Option<String>, ChannelError> {
        let answer = self.get(&["settings", group, id], &[]).await?;
        if matches!(answer.status, 401 | 403 | 404) {
            return Ok(None);
        }
        Ok(text(&answer.ok()?.json()?, "value"))
    }
}
