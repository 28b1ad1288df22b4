-- When each channel of a campaign has its price, as a JSON object of windows by channel; null until it is about to start.
alter table campaigns add column windows text;
-- Ends of windows up to this instant have been acted on.
alter table campaigns add column tended_at bigint;
alter table campaigns add column ended_at bigint;
-- Checkouts keep the price so long after the end, for carts that were begun before it.
alter table campaigns add column cart_grace_ms bigint not null default 900000;
-- When the reduction ends on this listing's channel; null where that is the end of the campaign.
alter table strikes add column ends_at bigint;

-- What our own buyers pay for delivery, gross; competitors' prices are compared with it included where a rule says so.
alter table products add column own_shipping_minor bigint;
-- When the cost was last imported, whether it changed or not.
alter table products add column cost_at bigint;
