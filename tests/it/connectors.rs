//! Connectors against doubles on loopback that obey what is known of each vendor: every request is judged by the vendor's
//! own schema and limits, every fault has its class, and a sale ends the way that vendor ends one.

mod bigcommerce;
pub mod double;
mod limits;
mod magento;
mod medusa;
mod odoo;
mod oscar;
mod probes;
mod saleor;
pub mod schema;
mod shopify;
mod shopware;
mod together;
mod tryton;
mod vendure;
mod webhook;
pub mod woocommerce;
