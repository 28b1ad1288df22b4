-- The first of two persons who must agree to a price, where the release layer asks for two.
alter table reviews add column first_by text;
alter table reviews add column first_why text;
alter table reviews add column first_at bigint;
