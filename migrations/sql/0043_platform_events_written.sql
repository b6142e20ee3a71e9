-- Events are forgotten by when they were written. That instant follows their numbers: it is taken while the row of the latest number is
-- locked, not when the transaction began, so that nothing is forgotten before what came earlier.
set local role sambung_owner;

alter table platform.events alter column created_at set default clock_timestamp();

reset role;
