-- What of the configuration decides, as decisions cite it: kept once per text, as rule texts are.
create table config_revisions (
    id integer primary key,
    hash text not null constraint config_revisions_hash_unique unique,
    body text not null,
    created_at bigint not null
);
