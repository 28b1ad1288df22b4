-- How many decimals the amounts of a listing are counted in, here and in its attempts, its live prices, its strikes and its
-- stage. Null: as many as its currency has. Net prices of channels that keep four are counted in ten-thousandths.
alter table listings add column decimals bigint;
