-- Turns at products of shops that several channels write as a whole: whoever holds one reads, merges and writes alone, among
-- all daemons of this database. A row goes when it is given back; one that is not is free when its lease is over.
create table shop_turns (
    shop text not null,
    product text not null,
    holder text not null,
    leased_until bigint not null,
    created_at bigint not null,
    constraint shop_turns_once unique (shop, product)
);

-- Which channels write which of these shops: one that is alone needs no turns.
create table shop_writers (
    shop text not null,
    channel text not null,
    created_at bigint not null,
    constraint shop_writers_once unique (shop, channel)
);

-- What a listing showed before the first of the pushes that the brake counts together, and when that one was sent: a push
-- that none preceded within the span. Null where pushes follow each other for longer than that: then the history tells. The
-- brake would have to look up the history of every listing sent, at every claim.
alter table listings add column moved_from bigint;
alter table listings add column moved_since bigint;

-- Whose listing a reference is already; asked for each listing that is found.
create index listings_by_external on listings (channel, external);

-- When what a till is told of a product last changed: its price, or a campaign that only some channels have.
alter table products add column shelf_at bigint;
update products set shelf_at = changed_at where changed_at is not null;
create index products_by_shelf on products (shelf_at, id);
