-- Recordings of calls (H-052, HX-22; decision 0026). As everywhere in the record of a call nothing is ever changed: steps
-- are added, and a row of `recordings` when the store has the object. A recording with steps and without that row is
-- being made, waits for the store, or was lost, as its last step says.
set local role sambung_owner;

-- is_record_a_call: all calls are recorded. Else this says whether a call is when somebody orders it to be.
alter table telephony.organisation_settings
    add column is_recording_on_demand boolean not null default false;

create table telephony.recording_steps (
    org_id uuid not null,
    call_id uuid not null,
    recording_id uuid not null,
    -- Position among the steps of the recording, from 1.
    no integer not null,
    step text not null,
    -- Why, as a word for programs: policy, command, call_ended, disk_full, spool_full …
    reason text not null,
    created_at timestamptz not null,
    constraint recording_steps_pkey primary key (recording_id, no),
    constraint recording_steps_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint recording_steps_no_check check (no >= 1),
    constraint recording_steps_step_check check (step in ('started', 'paused', 'resumed', 'stopped')),
    constraint recording_steps_reason_check check (length(reason) between 1 and 64)
);
create index recording_steps_call_idx on telephony.recording_steps (org_id, call_id);

create table telephony.recordings (
    id uuid not null,
    org_id uuid not null,
    call_id uuid not null,
    started_at timestamptz not null,
    format text not null,
    length_ms bigint not null,
    -- The object in the store, locked as it is there.
    storage_key text not null,
    bytes bigint not null,
    sha256 text not null,
    -- How often the switch died while it was made.
    interruptions integer not null,
    stored_at timestamptz not null,
    constraint recordings_pkey primary key (id),
    constraint recordings_org_id_key unique (org_id, id),
    constraint recordings_storage_key_key unique (storage_key),
    constraint recordings_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint recordings_format_check check (format in ('wav', 'opus')),
    constraint recordings_length_check check (length_ms >= 0 and bytes >= 0 and interruptions >= 0),
    constraint recordings_sha256_check check (sha256 ~ '^[0-9a-f]{64}$')
);
create index recordings_call_idx on telephony.recordings (org_id, call_id);
create index recordings_started_idx on telephony.recordings (org_id, started_at desc, id desc);

call platform.protect('telephony.recording_steps');
call platform.protect('telephony.recordings');

create policy switch_read on telephony.recording_steps for select to sambung_switch using (true);
create policy switch_add on telephony.recording_steps for insert to sambung_switch with check (true);
create policy switch_read on telephony.recordings for select to sambung_switch using (true);
create policy switch_add on telephony.recordings for insert to sambung_switch with check (true);

grant select, insert on telephony.recording_steps, telephony.recordings to sambung_switch;
grant select on telephony.recording_steps, telephony.recordings to sambung_api;

reset role;
