-- A message that its owner has deleted is deleted from the store, too (decision 0036).
set local role sambung_owner;

alter table telephony.recordings
    drop constraint recordings_deleted_because_check,
    add constraint recordings_deleted_because_check check (deleted_because in ('retention', 'owner'));
create index voicemail_messages_deleted_idx on telephony.voicemail_messages (deleted_at) where deleted_at is not null;

reset role;
