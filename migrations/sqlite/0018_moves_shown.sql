-- When channels were given the prices that follow from a move; null: they are due, whatever became of whoever asked for the move.
alter table product_moves add column shown_at bigint;
create index product_moves_due on product_moves (product_id) where shown_at is null;
