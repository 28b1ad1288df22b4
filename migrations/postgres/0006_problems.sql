-- Why the last check of a competitor page brought no page, in words; null when it brought one.
alter table targets add column problem text;
