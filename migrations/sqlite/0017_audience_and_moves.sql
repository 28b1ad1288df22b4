-- Who a channel's prices are for: everybody (`public`), or members only (`loyalty`). Kept with every live price, because it may
-- change: what members alone could have is no price that the public was asked. And who a campaign is for.
alter table channels add column audience text not null default 'public' constraint channels_audience check (audience in ('public', 'loyalty'));
alter table live_prices add column audience text not null default 'public' constraint live_prices_audience check (audience in ('public', 'loyalty'));
alter table campaigns add column audience text not null default 'public' constraint campaigns_audience check (audience in ('public', 'loyalty'));
-- Products that were taken to another market, or into another money: from where, by whom, why, and how the amounts came about.
create table product_moves (
    product_id bigint not null references products (id),
    from_market text not null,
    from_currency text not null,
    from_minor bigint not null,
    market text not null,
    currency text not null,
    minor bigint not null,
    how text not null,
    actor text not null,
    why text not null,
    created_at bigint not null,
    constraint product_moves_once unique (product_id, created_at)
);
-- Since when a product's amounts are in its present money and tax view; null: always. Older decisions are amounts of another one.
alter table products add column amounts_since bigint;
