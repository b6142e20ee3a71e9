-- HX-22: what an extension says of recording goes before what its organisation says (H-052), and how long recordings are kept.
set local role sambung_owner;

-- Null: as its organisation has it.
alter table telephony.extensions
    add column recording text,
    add constraint extensions_recording_check check (recording in ('never', 'on_demand', 'always'));

-- From the end of a recording. Null: for ever.
alter table telephony.organisation_settings
    add column recording_retention_days integer,
    add constraint organisation_settings_recording_retention_days_check
        check (recording_retention_days between 1 and 36500);

-- The store does not have it any more. The rest of the row stays: that there was a recording is part of the record.
alter table telephony.recordings
    add column deleted_at timestamptz,
    add column deleted_because text,
    add constraint recordings_deleted_check check (num_nulls(deleted_at, deleted_because) in (0, 2)),
    add constraint recordings_deleted_because_check check (deleted_because in ('retention'));
create index recordings_kept_idx on telephony.recordings (org_id, started_at) where deleted_at is null;

create policy switch_delete on telephony.recordings for update to sambung_switch
    using (deleted_at is null) with check (deleted_at is not null);
grant update (deleted_at, deleted_because) on telephony.recordings to sambung_switch;

reset role;
