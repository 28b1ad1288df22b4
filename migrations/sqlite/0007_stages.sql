-- Starts of campaigns that channels keep by themselves: from `starts_at` on such a channel shows `minor`, with
-- `regular_minor` crossed out, whether a daemon runs then or not. Amounts are minor units of the listing's currency in its
-- tax view. A row goes when the start has been taken over by a decision, or has been taken back.
create table stages (
    listing_id    bigint primary key references listings (id),
    campaign_id   bigint not null references campaigns (id),
    minor         bigint not null,
    regular_minor bigint not null,
    prior_minor   bigint,
    starts_at     bigint not null,
    ends_at       bigint not null,
    created_at    bigint not null
);
create index stages_by_campaign on stages (campaign_id);

-- The number from which a push carries the listing's stage, or its absence.
alter table listings add column stage_seq bigint not null default 0;
-- The start that the last push carried: from `staged_from` until `staged_until` the channel shows `staged_minor`.
alter table listings add column staged_minor bigint;
alter table listings add column staged_from bigint;
alter table listings add column staged_until bigint;
