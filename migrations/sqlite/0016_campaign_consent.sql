-- Who stored a campaign, and the consent of a second person where the release layer asks for two: why it does (`asked`),
-- until when somebody may agree (null: nothing is waited for any more), and who did.
alter table campaigns add column added_by text;
alter table campaigns add column asked text;
alter table campaigns add column waits_until bigint;
alter table campaigns add column consent_by text;
alter table campaigns add column consent_why text;
alter table campaigns add column consent_at bigint;
