-- Who is told what, and what they were told: changed wishes, silences, and alerts with their messages.

create table subscriptions (
    person text primary key,
    value text not null,
    actor text not null,
    why text not null,
    created_at bigint not null,
    updated_at bigint not null
);

create table silences (
    id integer primary key,
    kind text,
    channel text,
    competitor text,
    sku text,
    owner text not null,
    why text not null,
    ends_at bigint not null,
    created_at bigint not null
);
create index silences_by_end on silences (ends_at);

create table alert_states (
    target text not null,
    dedupe text not null,
    grp text not null,
    event_id bigint not null,
    told_at bigint not null,
    resolved_at bigint,
    created_at bigint not null,
    constraint alert_states_once unique (target, dedupe)
);

create table alert_messages (
    id integer primary key,
    target text not null,
    grp text not null,
    message_id text not null constraint alert_messages_id_unique unique,
    thread text,
    early bigint not null,
    body text not null,
    state text not null constraint alert_messages_state check (state in ('queued', 'sent', 'failed')),
    tries bigint not null,
    next_at bigint not null,
    leased_until bigint not null,
    detail text not null,
    sent_at bigint,
    created_at bigint not null
);
create index alert_messages_due on alert_messages (next_at) where state = 'queued';
create index alert_messages_by_target on alert_messages (target, created_at);
