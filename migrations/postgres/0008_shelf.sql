-- Tills ask every minute what changed since.
create index products_by_change on products (changed_at, id);
