-- Conventions: money is a bigint of minor units beside its ISO 4217 code, instants are bigint UTC milliseconds,
-- states are text with a check, structured facts are JSON as text. Applied files are never edited.

create table products (
    id integer primary key,
    sku text not null constraint products_sku_unique unique,
    title text not null,
    brand text,
    category text,
    tags text not null,
    gtin text,
    market text not null,
    currency text not null,
    own_minor bigint not null constraint products_own_positive check (own_minor > 0),
    cost_net text,
    regular_minor bigint,
    msrp_minor bigint,
    map_minor bigint,
    min_minor bigint,
    stock bigint,
    pack_qty bigint not null,
    vat_class text not null,
    locked bigint not null,
    dirty_at bigint,
    leased_until bigint not null,
    version bigint not null,
    changed_at bigint,
    created_at bigint not null,
    updated_at bigint not null
);
create index products_dirty on products (dirty_at) where dirty_at is not null;

create table hosts (
    host text primary key,
    next_allowed_at bigint not null,
    leased_until bigint not null,
    lease_token bigint not null,
    delay_ms bigint not null,
    failures bigint not null,
    blocked_until bigint not null,
    robots_state text constraint hosts_robots_state check (robots_state in ('allow', 'rules', 'disallow')),
    robots_text text,
    robots_at bigint,
    created_at bigint not null
);
create index hosts_ready on hosts (next_allowed_at);

create table targets (
    id integer primary key,
    product_id bigint not null references products (id),
    competitor text not null,
    url text not null,
    host text not null references hosts (host),
    due_at bigint not null,
    attempts bigint not null,
    etag text,
    last_modified text,
    body_hash text,
    outcome text,
    checked_at bigint,
    created_at bigint not null,
    constraint targets_once unique (product_id, url)
);
create index targets_due on targets (host, due_at);

create table observations (
    id integer primary key,
    target_id bigint not null references targets (id),
    outcome text not null,
    verdict text not null constraint observations_verdict
        check (verdict in ('accepted', 'suspect', 'quarantined', 'rejected', 'none')),
    reason text not null,
    price_minor bigint,
    currency text,
    list_minor bigint,
    availability text not null,
    offer text not null,
    evidence text not null,
    body_hash text,
    first_seen bigint not null,
    last_seen bigint not null,
    checks bigint not null
);
create index observations_by_target on observations (target_id, id);

create table rule_revisions (
    id integer primary key,
    hash text not null constraint rule_revisions_hash_unique unique,
    body text not null,
    source text not null,
    created_at bigint not null
);

create table decisions (
    id integer primary key,
    product_id bigint not null references products (id),
    market text not null,
    version bigint not null,
    price_minor bigint not null constraint decisions_price_positive check (price_minor > 0),
    previous_minor bigint not null,
    currency text not null,
    rule text,
    actor text not null,
    why text not null,
    rule_revision bigint references rule_revisions (id),
    record text not null,
    created_at bigint not null,
    constraint decisions_version_unique unique (product_id, market, version)
);
create trigger decisions_no_update before update on decisions begin select raise(abort, 'decisions are append-only'); end;
create trigger decisions_no_delete before delete on decisions begin select raise(abort, 'decisions are append-only'); end;

create table evaluations (
    product_id bigint primary key references products (id),
    outcome text not null,
    price_minor bigint,
    currency text not null,
    rule text,
    flags text not null,
    why text not null,
    record text not null,
    checks bigint not null,
    since bigint not null,
    evaluated_at bigint not null
);

create table reviews (
    id integer primary key,
    product_id bigint not null references products (id),
    price_minor bigint not null,
    previous_minor bigint not null,
    currency text not null,
    rule text,
    why text not null,
    record text not null,
    facts_hash text not null,
    state text not null constraint reviews_state check (state in ('open', 'approved', 'rejected', 'expired', 'superseded')),
    settled_by text,
    settled_why text,
    settled_at bigint,
    expires_at bigint not null,
    created_at bigint not null
);
create unique index reviews_one_open on reviews (product_id) where state = 'open';

create table channels (
    name text primary key,
    kind text not null,
    state text not null constraint channels_state check (state in ('ok', 'refused', 'breaker')),
    reason text not null,
    since bigint not null,
    reconciled_at bigint,
    created_at bigint not null
);

create table listings (
    id integer primary key,
    channel text not null references channels (name),
    product_id bigint not null references products (id),
    external text,
    state text not null constraint listings_state check (state in
        ('idle', 'intended', 'sent', 'accepted', 'applied', 'verified', 'unverified',
         'unknown', 'rejected', 'held', 'parked', 'drifted')),
    state_since bigint not null,
    reason text not null,
    currency text not null,
    desired_seq bigint not null,
    desired_minor bigint,
    desired_at bigint,
    decision_id bigint references decisions (id),
    sent_seq bigint not null,
    sent_minor bigint,
    sent_at bigint,
    verified_seq bigint not null,
    live_minor bigint,
    live_at bigint,
    tries bigint not null,
    reads bigint not null,
    next_at bigint,
    leased_until bigint not null,
    lease_token bigint not null,
    created_at bigint not null,
    constraint listings_once unique (channel, product_id)
);
create index listings_due on listings (channel, next_at) where next_at is not null;
create index listings_by_product on listings (product_id);

create table attempts (
    id integer primary key,
    listing_id bigint not null references listings (id),
    seq bigint not null,
    kind text not null constraint attempts_kind check (kind in ('push', 'read')),
    minor bigint,
    currency text not null,
    outcome text not null,
    detail text not null,
    started_at bigint not null,
    finished_at bigint
);
create index attempts_by_listing on attempts (listing_id, id);

create table live_prices (
    id integer primary key,
    listing_id bigint not null references listings (id),
    minor bigint not null,
    currency text not null,
    basis text not null constraint live_prices_basis check (basis in ('sent', 'unknown', 'accepted', 'verified', 'foreign')),
    seen_at bigint not null
);
create index live_prices_by_listing on live_prices (listing_id, id);

create table events (
    id integer primary key,
    kind text not null,
    severity text not null constraint events_severity check (severity in ('info', 'warning', 'critical')),
    dedupe text not null,
    product_id bigint references products (id),
    channel text,
    competitor text,
    message text not null,
    hint text not null,
    times bigint not null,
    first_at bigint not null,
    last_at bigint not null,
    resolved_at bigint
);
create unique index events_one_open on events (dedupe) where resolved_at is null;
create index events_by_time on events (last_at);

create table digests (
    id integer primary key,
    recipient text not null,
    slot bigint not null,
    message_id text not null,
    state text not null constraint digests_state check (state in ('claimed', 'sent', 'skipped', 'failed')),
    subject text,
    tries bigint not null,
    next_at bigint not null,
    leased_until bigint not null,
    detail text not null,
    sent_at bigint,
    created_at bigint not null,
    constraint digests_once unique (recipient, slot)
);

create table duties (
    name text primary key,
    owner text not null,
    leased_until bigint not null,
    done_at bigint,
    created_at bigint not null
);

create table settings (
    name text primary key,
    value text not null,
    actor text not null,
    why text not null,
    created_at bigint not null
);

create table fx_rates (
    day text not null,
    currency text not null,
    rate text not null,
    created_at bigint not null,
    constraint fx_rates_once unique (day, currency)
);
