//! What a decision costs on each channel, and the last word before anything is sent there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::channel_price::{ChannelView, FloorTerms, channel_price};
use super::constraint::{self, NeverBelow, Order, TaxView, View};
use super::lane::Doorkeeper;
use crate::channel::{Capabilities, SaleSupport, Tax};
use crate::clock::Millis;
use crate::decide::RuleSet;
use crate::decide::facts::Tax as Convention;
use crate::decide::fx::{Freshness, FxTable};
use crate::decide::prior::Audience;
use crate::decide::rounding::{DISPLAY, FLOOR, PRICE, Rounding};
use crate::decide::rules::{ChannelFloor, Mode, StaleFx};
use crate::decide::vat::{self, VatTable};
use crate::money::{Currency, Decimal, Money, WirePrice, currency};
use crate::sentence::Sentence;
use crate::store::lanes::{Permit, Shut};
use crate::store::listings::Listing;
use crate::store::products::Product;
use crate::store::strikes::{self, Back};
use crate::store::{Db, StoreError};

/// A listing that waits for another one is looked at again after this.
const LOOK_AGAIN_MS: i64 = 2 * Millis::SECOND;
/// One that waits for newer exchange rates is looked at again after this; they come once a day.
const RATES_AGAIN_MS: i64 = 5 * Millis::MINUTE;
/// Campaigns that were to end so long ago at most end without newer rates.
const BACK_WITHIN: i64 = 30 * Millis::DAY;
/// Listings that go back at a time; a later round has the others.
const MOST_BACK: i64 = 100_000;
/// In shadow mode doors are tried again after this; whoever ends it has them all tried at once.
const SHADOW_AGAIN_MS: i64 = Millis::HOUR;

/// Whether everybody sees the prices of a kind of channel: marketplaces and feeds have none for members.
#[must_use]
pub fn is_seen_by_all(kind: &str) -> bool {
    const KINDS: &[&str] = &["allegro", "amazon", "bol", "ebay", "feed", "google", "kaufland", "mirakl"];
    KINDS.contains(&kind)
}

/// Everything a channel's price depends on besides the decision.
#[derive(Clone)]
pub struct Terms {
    pub rules: Arc<RuleSet>,
    pub vat: Arc<VatTable>,
    pub fx: Option<FxTable>,
    /// The price before a campaign that is over, by listing: it may come back without newer rates, because it was proved
    /// there before. Only looked up while rates are too old.
    pub back: Arc<BTreeMap<i64, Back>>,
    pub channels: Arc<BTreeMap<String, Capabilities>>,
    pub now: Millis,
    /// Channels whose connector shows prices to everybody, by name: they have none for members.
    pub open_to_all: Arc<BTreeSet<String>>,
    /// Who paused pushes, and why.
    pub paused: Option<String>,
    /// The whole daemon is in shadow mode: no channel gets anything, whoever wants it there.
    pub shadow: bool,
}

impl Terms {
    /// A price of ours as a channel shows it: its price field's amount and the floor, in the channel's currency and tax
    /// view.
    ///
    /// # Errors
    /// A text for a person: no rates, no VAT row, or fees that eat the whole price.
    pub fn price(
        &self,
        product: &Product,
        decision: Money,
        channel: &str,
    ) -> Result<(WirePrice, Option<WirePrice>), String> {
        let capabilities = self.channels.get(channel).ok_or_else(|| format!("{channel} is not configured"))?;
        let view = self.view(product, channel, *capabilities)?;
        let mut found = channel_price(decision, &view, self.fx.as_ref()).map_err(|e| e.to_string())?;
        let mut floor = found.floor;
        if let Some(minimum) = self.minimum(product, &view)? {
            let rounded = |strategy| Money::rounded(minimum, view.currency, strategy).map_err(|e| e.to_string());
            let least = rounded(FLOOR)?;
            // A decision at the minimum falls under it by the rounding alone, and would be held for ever.
            if found.price.minor() < least.minor() && found.price == rounded(PRICE)? {
                found = found.raised_to(least, view.net_of).map_err(|e| e.to_string())?;
            }
            floor = floor.filter(|floor| floor.minor() >= least.minor()).or(Some(least));
        }
        match (capabilities.tax, &found.net) {
            (Tax::Gross, _) => Ok((found.price.into(), floor.map(WirePrice::from))),
            (Tax::Net, Some(net)) => {
                let decimals = capabilities.decimals();
                let price = net.at(decimals).map_err(|e| e.to_string())?;
                let vat = view.net_of.unwrap_or_default();
                let floor = floor.map(|floor| without_vat(floor, vat, decimals)).transpose()?;
                Ok((price, floor))
            }
            (Tax::Net, None) => Err(format!("{channel} takes net prices and no VAT rate is known")),
        }
    }

    /// The price of ours that a channel shows as `shown`, if there is one: with VAT or without it as the product's market
    /// has its prices, and none where the channel's terms make another price of it, such as a surcharge or an ending of its
    /// own. What only members see is nobody else's price.
    #[must_use]
    pub fn ours(&self, product: &Product, shown: WirePrice, channel: &str) -> Option<Money> {
        let capabilities = self.channels.get(channel).filter(|_| self.rules.audience(channel) == Audience::Public)?;
        let with_vat = match capabilities.tax {
            Tax::Gross => Money::exact(shown.amount(), shown.currency()).ok()?,
            Tax::Net => {
                let percent = self.vat_pct(product, channel)?;
                vat::gross_of(shown.amount(), percent, shown.currency(), DISPLAY).ok()?
            }
        };
        let ours = match self.rules.market(&product.market)?.market.tax {
            Convention::Gross => with_vat,
            Convention::Net => {
                let factor = vat::factor(self.vat_pct(product, channel)?)?;
                Money::rounded(with_vat.amount().checked_div(factor)?, with_vat.currency(), DISPLAY).ok()?
            }
        };
        let (again, _) = self.price(product, ours, channel).ok()?;
        (again == shown).then_some(ours)
    }

    /// Whether a channel would show more than this price of ours, because it is below the channel's own floor.
    ///
    /// # Errors
    /// Those of [`Terms::price`].
    pub fn lifts(&self, product: &Product, decision: Money, channel: &str) -> Result<bool, String> {
        let capabilities = self.channels.get(channel).ok_or_else(|| format!("{channel} is not configured"))?;
        let view = self.view(product, channel, *capabilities)?;
        Ok(channel_price(decision, &view, self.fx.as_ref()).map_err(|e| e.to_string())?.floor_applied)
    }

    /// The price that buyers of a net channel would see in place of the one that is meant, because the decimals of its net
    /// price do not give that back: 9.99 EUR with 19 % VAT is 8.39 with two, which makes 9.98.
    ///
    /// # Errors
    /// Those of [`Terms::price`].
    pub fn shown_otherwise(
        &self,
        product: &Product,
        decision: Money,
        channel: &str,
    ) -> Result<Option<(Money, Money)>, String> {
        let capabilities = self.channels.get(channel).ok_or_else(|| format!("{channel} is not configured"))?;
        let view = self.view(product, channel, *capabilities)?;
        let found = channel_price(decision, &view, self.fx.as_ref()).map_err(|e| e.to_string())?;
        let Some(net) = found.net else { return Ok(None) };
        let sent = net.at(capabilities.decimals()).map_err(|e| e.to_string())?;
        Ok(net.shown_otherwise(sent).map(|shown| (found.price, shown)))
    }

    fn view(&self, product: &Product, channel: &str, capabilities: Capabilities) -> Result<ChannelView, String> {
        let rules = self.rules.channel(channel);
        let own = self
            .rules
            .market(&product.market)
            .ok_or_else(|| format!("market {} is not in the rules", product.market))?;
        let market = match rules {
            Some(rules) => self
                .rules
                .market(&rules.market)
                .ok_or_else(|| format!("market {} is not in the rules", rules.market))?,
            None => own,
        };
        let rate = |country: &str| self.rate(product, country, &market.market.tz.0);
        let to = rate(&market.market.country)?;
        // What is decided without VAT gets that of the channel's buyers, whichever country they are in.
        let from = match own.market.tax {
            Convention::Gross => rate(&own.market.country)?,
            Convention::Net => Decimal::ZERO,
        };
        let other_view = own.market.tax == Convention::Net || own.market.country != market.market.country;
        let fees = rules.and_then(|rules| rules.floor).unwrap_or(ChannelFloor {
            fee_pct_of_gross: Decimal::ZERO,
            fee_fixed_net: Decimal::ZERO,
            margin_pct: Decimal::ZERO,
        });
        let cost = self.cost(product, capabilities.currency)?;
        let other_market = own.market.id != market.market.id;
        let payable = market.market.price_increment.filter(|_| other_market).map(Rounding::to_step);
        Ok(ChannelView {
            vat_view: other_view.then_some((from, to)),
            adjust: rules.and_then(|rules| rules.adjust),
            rounding: rules.and_then(|rules| rules.rounding.clone()).or(payable),
            ceiling: rules.and_then(|rules| rules.ceiling),
            floor: cost.map(|cost_net| FloorTerms { cost_net, fees, vat_pct: to }),
            net_of: (capabilities.tax == Tax::Net).then_some(to),
            ..ChannelView::identity(capabilities.currency)
        })
    }

    /// A country's VAT for a product today, in percent; today is the market's.
    fn rate(&self, product: &Product, country: &str, zone: &jiff::tz::TimeZone) -> Result<Decimal, String> {
        let day = self.now.timestamp().to_zoned(zone.clone()).date();
        self.vat.at(country, &product.vat_class, day).map(|vat| vat.percent).map_err(|e| e.to_string())
    }

    /// VAT that a channel's buyers pay, in percent, if it is known.
    fn vat_pct(&self, product: &Product, channel: &str) -> Option<Decimal> {
        let market = self.rules.channel(channel).map_or(&product.market, |rules| &rules.market);
        let market = &self.rules.market(market)?.market;
        self.rate(product, &market.country, &market.tz.0).ok()
    }

    fn cost(&self, product: &Product, into: Currency) -> Result<Option<Decimal>, String> {
        let Some(cost) = &product.cost_net else { return Ok(None) };
        let cost = crate::money::decimal(cost).map_err(|e| e.to_string())?;
        self.convert(cost, currency(&product.currency).map_err(|e| e.to_string())?, into).map(Some)
    }

    fn convert(&self, amount: Decimal, from: Currency, into: Currency) -> Result<Decimal, String> {
        if from == into {
            return Ok(amount);
        }
        let rates = self.fx.as_ref().ok_or_else(|| format!("no exchange rates for {}", into.code()))?;
        rates.convert(amount, from, into).map_err(|e| e.to_string())
    }

    /// The product's minimum in the channel's currency, not rounded. It is an amount of its market, and goes the way of the
    /// price: out of the VAT that is in it, into that of the channel's buyers.
    fn minimum(&self, product: &Product, view: &ChannelView) -> Result<Option<Decimal>, String> {
        let Some(minimum) = product.min_minor else { return Ok(None) };
        let own = currency(&product.currency).map_err(|e| e.to_string())?;
        let minimum = self.convert(Money::from_minor(minimum, own).amount(), own, view.currency)?;
        let Some((from, to)) = view.vat_view else { return Ok(Some(minimum)) };
        let factor = |percent| vat::factor(percent).ok_or_else(|| format!("{percent} % is not a VAT rate"));
        let with_theirs = minimum.checked_mul(factor(to)?).zip(Some(factor(from)?));
        let brought = with_theirs.and_then(|(with_theirs, ours)| with_theirs.checked_div(ours));
        brought.map(Some).ok_or_else(|| "the minimum is out of range".to_owned())
    }

    /// Why a price waits for newer exchange rates, where it was made with one: what is live stays, and nothing follows from
    /// rates that the market has left behind.
    fn awaits_rates(&self, product: &Product, channel: &str) -> Option<String> {
        let other = self.channels.get(channel).is_some_and(|known| known.currency.code() != product.currency);
        let table = self.fx.as_ref().filter(|_| other)?;
        self.wants_rates().then(|| Sentence::RatesAwaited.with(&[("day", &table.date)]))
    }

    /// Whether there are rates and nothing new may follow from them.
    #[must_use]
    pub fn wants_rates(&self) -> bool {
        self.fx.as_ref().is_some_and(|table| match table.freshness {
            Freshness::Fresh | Freshness::Late => false,
            Freshness::Stale => self.rules.engine.stale_fx != StaleFx::Last,
            Freshness::Expired => true,
        })
    }

    /// Looks up what may come back without newer rates, where the ones that there are are too old.
    ///
    /// # Errors
    /// The store's.
    pub async fn with_back(mut self, db: &Db) -> Result<Self, StoreError> {
        if self.wants_rates() {
            let back = strikes::back(db, self.now.plus(-BACK_WITHIN), self.now, MOST_BACK).await?;
            self.back = Arc::new(back.into_iter().map(|one| (one.listing_id, one)).collect());
        }
        Ok(self)
    }

    /// What a listing showed before its campaign, where a price made with a rate would wait while the campaign's stays on.
    #[must_use]
    pub fn goes_back(&self, product: &Product, listing: &Listing) -> Option<Back> {
        let back = self.back.get(&listing.id).copied()?;
        self.awaits_rates(product, &listing.channel).map(|_| back)
    }

    fn constraints(&self) -> Vec<NeverBelow> {
        let constraint = |c: &crate::decide::rules::Constraint| NeverBelow {
            above: c.never_below.0.clone(),
            below: c.never_below.1.clone(),
            best_effort_after_ms: c.best_effort_after_ms,
        };
        self.rules.constraints.iter().map(constraint).collect()
    }
}

/// Rounded down: a net price is rounded half up and must not fall under its own floor by the rounding alone.
fn without_vat(floor: Money, vat_pct: Decimal, decimals: u32) -> Result<WirePrice, String> {
    let factor = vat::factor(vat_pct).ok_or_else(|| format!("{vat_pct} % is not a VAT rate"))?;
    let net = floor.amount().checked_div(factor).ok_or("the floor is out of range")?;
    WirePrice::rounded(net, decimals, floor.currency(), crate::decide::rounding::CEILING).map_err(|e| e.to_string())
}

impl Doorkeeper for Terms {
    fn allow(&self, listing: &Listing, product: &Product, siblings: &[Listing]) -> Result<Permit, Shut> {
        let wait = |reason: String| Shut { state: "held", reason, next_at: Some(self.now.plus(LOOK_AGAIN_MS)) };
        let shut = |reason: String| Shut { state: "held", reason, next_at: None };
        if self.rules.channel(&listing.channel).and_then(|rules| rules.mode) == Some(Mode::Shadow) {
            return Err(shut(Sentence::ChannelInShadow.with(&[])));
        }
        if self.shadow {
            let next_at = Some(self.now.plus(SHADOW_AGAIN_MS));
            return Err(Shut { state: "held", reason: Sentence::ChannelInShadow.with(&[]), next_at });
        }
        if self.rules.audience(&listing.channel) == Audience::Loyalty && self.open_to_all.contains(&listing.channel) {
            return Err(shut(Sentence::SeenByAll.with(&[])));
        }
        if let Some(paused) = &self.paused {
            return Err(wait(format!("pushes are paused: {paused}")));
        }
        let Some(minor) = listing.desired_minor else { return Err(shut("no price is wanted".to_owned())) };
        let back = self.back.get(&listing.id).is_some_and(|back| back.regular_minor == minor);
        if let Some(reason) = self.awaits_rates(product, &listing.channel).filter(|_| !back) {
            return Err(Shut { state: "held", reason, next_at: Some(self.now.plus(RATES_AGAIN_MS)) });
        }
        let ours = currency(&product.currency).map_err(|e| shut(e.to_string()))?;
        let (_, floor) =
            self.price(product, Money::from_minor(product.own_minor, ours), &listing.channel).map_err(shut)?;
        let Some(floor) = floor else {
            return Err(shut(Sentence::NoFloorNoPrice.with(&[])));
        };
        let price = listing.price(minor).map_err(|e| shut(e.to_string()))?;
        if price.compare(floor).map_err(|e| shut(e.to_string()))?.is_lt() {
            return Err(shut(Sentence::BelowTodaysFloor.with(&[("price", &price), ("floor", &floor)])));
        }
        let view = |listing: &Listing| {
            let channel = self.channels.get(&listing.channel);
            let tax = match channel {
                Some(channel) if channel.tax == Tax::Net => TaxView::Net(self.vat_pct(product, &listing.channel)),
                _ => TaxView::Gross,
            };
            View { tax, decimals: channel.map_or(0, Capabilities::decimals) }
        };
        // The terms of the channel have changed, and what is wanted is about to be computed with the new ones.
        let takes = self.channels.get(&listing.channel).map_or(0, Capabilities::decimals);
        if price.units_at(takes).is_err() {
            return Err(wait(Sentence::TooFine.with(&[("price", &price), ("decimals", &takes)])));
        }
        let floor_minor = listing.units(floor).map_err(|e| shut(e.to_string()))?;
        match constraint::may_send(listing, minor, siblings, &self.constraints(), &view, self.now) {
            Ok(()) => Ok(Permit {
                minor,
                floor_minor: Some(floor_minor),
                announces: self.channels.get(&listing.channel).is_some_and(|c| c.sale != SaleSupport::PriceOnly),
                sale: None,
                stages: self.channels.get(&listing.channel).is_some_and(|c| c.stages),
                stage: None,
                after_sale: false,
                vat_pct: self.vat_pct(product, &listing.channel),
            }),
            Err(Order::Wait(reason)) => Err(wait(reason)),
            Err(Order::Contradiction(reason)) => Err(shut(reason)),
        }
    }
}
