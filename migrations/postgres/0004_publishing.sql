-- What a channel was told to cross out, so that reading back can prove that too; null where nothing was announced.
alter table listings add column sent_regular_minor bigint;
-- Until then a push without an answer may still take effect; nothing else is sent before.
alter table listings add column unsure_until bigint not null default 0;
-- The range of earlier prices that may still be showing: sent, perhaps even acknowledged, and never seen.
alter table listings add column maybe_low bigint;
alter table listings add column maybe_high bigint;

-- Secrets that a channel hands out while it works, such as rotated refresh tokens. Guard the database like a key.
create table channel_secrets (
    channel text not null,
    name text not null,
    value text not null,
    created_at bigint not null,
    constraint channel_secrets_once unique (channel, name)
);
