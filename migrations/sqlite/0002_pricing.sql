-- What people and campaigns decide beside the rules, what was announced, and what the daemon remembers about tax,
-- channel terms, competitors and rivalries.

create table overrides (
    id integer primary key,
    product_id bigint not null references products (id),
    kind text not null constraint overrides_kind check (kind in ('lock', 'price')),
    price_minor bigint,
    currency text not null,
    owner text not null,
    why text not null,
    until_at bigint,
    ended_at bigint,
    ended_by text,
    ended_why text,
    created_at bigint not null,
    constraint overrides_price_complete check (kind = 'lock' or (price_minor > 0 and until_at is not null))
);
create unique index overrides_one_open on overrides (product_id, kind) where ended_at is null;
create index overrides_by_end on overrides (until_at) where ended_at is null and until_at is not null;

create table campaigns (
    id integer primary key,
    name text not null constraint campaigns_name_unique unique,
    starts_at bigint not null,
    ends_at bigint not null,
    zone text not null,
    channels text not null,
    announce bigint not null,
    policy text not null constraint campaigns_policy check (policy in ('start_without', 'delay_all', 'cancel')),
    owner text not null,
    why text not null,
    body text not null,
    phase text not null constraint campaigns_phase check (phase in ('planned', 'running', 'over', 'cancelled')),
    ended_by text,
    ended_why text,
    created_at bigint not null,
    constraint campaigns_window check (starts_at < ends_at)
);
create index campaigns_open on campaigns (starts_at) where phase in ('planned', 'running');

create table campaign_items (
    campaign_id bigint not null references campaigns (id),
    product_id bigint not null references products (id),
    price_minor bigint not null constraint campaign_items_positive check (price_minor > 0),
    currency text not null,
    created_at bigint not null,
    constraint campaign_items_once unique (campaign_id, product_id)
);
create index campaign_items_by_product on campaign_items (product_id);

create table strikes (
    campaign_id bigint not null references campaigns (id),
    listing_id bigint not null references listings (id),
    campaign_minor bigint not null,
    regular_minor bigint not null,
    prior_minor bigint,
    currency text not null,
    window_from bigint,
    started_at bigint not null,
    announce bigint not null,
    max_percent bigint,
    reasons text not null,
    created_at bigint not null,
    constraint strikes_once unique (campaign_id, listing_id)
);
create index strikes_by_listing on strikes (listing_id);

create table product_vat (
    product_id bigint primary key references products (id),
    percent text not null,
    vat_row text not null,
    created_at bigint not null
);

create table channel_terms (
    channel text primary key references channels (name),
    hash text not null,
    rates text not null,
    revision bigint not null,
    created_at bigint not null
);

create table suspensions (
    id integer primary key,
    competitor text not null,
    reason text not null,
    ended_at bigint,
    ended_by text,
    ended_why text,
    created_at bigint not null
);
create unique index suspensions_one_open on suspensions (competitor) where ended_at is null;
create index targets_by_competitor on targets (competitor, checked_at);

create table rivalries (
    id integer primary key,
    product_id bigint not null references products (id),
    competitor text not null,
    kind text not null constraint rivalries_kind
        check (kind in ('war', 'spiral_up', 'spiral_down', 'flip_flop', 'own_rise', 'loop', 'oscillation')),
    message text not null,
    until_at bigint not null,
    raised_at bigint,
    created_at bigint not null
);
create index rivalries_by_product on rivalries (product_id, until_at);
