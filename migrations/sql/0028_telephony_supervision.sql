-- Who may listen to the calls of an extension's people, and who has. Nobody may who has no row. Steps are added and never changed,
-- as everywhere in the record of a call (decision 0049).
set local role sambung_owner;

create table telephony.extension_supervisors (
    org_id uuid not null,
    extension_id uuid not null,
    user_id uuid not null,
    assigned_at timestamptz not null default now(),
    constraint extension_supervisors_pkey primary key (org_id, extension_id, user_id),
    constraint extension_supervisors_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint extension_supervisors_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id)
);
create index extension_supervisors_staff_idx on telephony.extension_supervisors (org_id, user_id);

create trigger extension_supervisors_revision after insert or update or delete on telephony.extension_supervisors
    for each statement execute function telephony.bump_revision();

create table telephony.supervision_steps (
    org_id uuid not null,
    -- The supervisor's own call.
    call_id uuid not null,
    -- Position among its steps, from 1.
    no integer not null,
    -- Who listens, to whom, and in which call that one talks.
    supervisor_id uuid not null,
    supervised_id uuid not null,
    supervised_call_id uuid not null,
    step text not null,
    -- Why, as a word for programs: dialled, key, command, moved, left, hung_up …
    reason text not null,
    created_at timestamptz not null,
    constraint supervision_steps_pkey primary key (org_id, call_id, no),
    constraint supervision_steps_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint supervision_steps_supervised_fkey foreign key (org_id, supervised_call_id)
        references telephony.calls (org_id, id),
    constraint supervision_steps_no_check check (no >= 1),
    constraint supervision_steps_step_check check (step in ('listen', 'whisper', 'barge', 'ended')),
    constraint supervision_steps_reason_check check (length(reason) between 1 and 64)
);
create index supervision_steps_supervised_idx on telephony.supervision_steps (org_id, supervised_call_id);

call platform.protect('telephony.extension_supervisors');
call platform.protect('telephony.supervision_steps');

create policy switch_read on telephony.extension_supervisors for select to sambung_switch using (true);
create policy switch_read on telephony.supervision_steps for select to sambung_switch using (true);
create policy switch_add on telephony.supervision_steps for insert to sambung_switch with check (true);

grant select on telephony.extension_supervisors to sambung_switch;
grant select, insert on telephony.supervision_steps to sambung_switch;
grant select, insert, delete on telephony.extension_supervisors to sambung_api;
grant select on telephony.supervision_steps to sambung_api;

reset role;
