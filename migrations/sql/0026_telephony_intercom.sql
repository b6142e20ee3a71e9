-- Whether the phones of an extension's people answer an intercom by themselves, as dialplan::compile takes it.
set local role sambung_owner;

-- It opens a microphone, so nobody has it who has not asked for it.
alter table telephony.extensions add column takes_intercom boolean not null default false;

reset role;
