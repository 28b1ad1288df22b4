-- Which of the newest evaluations are held because a guard doubts the price: what the breaker over runs counts.
alter table evaluations add column doubted bigint not null default 0;
create index evaluations_doubted on evaluations (evaluated_at) where doubted = 1;
