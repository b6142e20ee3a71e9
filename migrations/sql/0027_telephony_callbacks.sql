-- Whether callers of a queue may hang up with their place kept, and be called back when it is their turn.
set local role sambung_owner;

alter table telephony.queues add column has_callback boolean not null default false;

reset role;
