-- Recordings that somebody wants deleted before their time, and who (decision 0068). The switch deletes the object and says so, as at
-- the end of retention.
set local role sambung_owner;

alter table telephony.recordings
    add column deletion_ordered_at timestamptz,
    -- A person's id, or a key's; the record says which.
    add column deletion_ordered_by uuid,
    add constraint recordings_deletion_ordered_check check (num_nulls(deletion_ordered_at, deletion_ordered_by) in (0, 2)),
    drop constraint recordings_deleted_because_check,
    add constraint recordings_deleted_because_check check (deleted_because in ('retention', 'owner', 'order'));
create index recordings_deletion_ordered_idx on telephony.recordings (deletion_ordered_at)
    where deletion_ordered_at is not null and deleted_at is null;

-- Recordings are the whole organisation's: who is kept to divisions orders none away.
create trigger recordings_divisions before update on telephony.recordings
    for each row execute function telephony.keep_to_divisions();

grant update (deletion_ordered_at, deletion_ordered_by) on telephony.recordings to sambung_api;

reset role;
