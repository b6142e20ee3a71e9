-- When extensions are open and what becomes of calls to them (H-053, H-055, HX-9, HX-15), as dialplan::compile takes it.
set local role sambung_owner;

-- By its IANA name. Whether there is such a zone, dialplan says: its copy of the zones is the one that counts.
alter table telephony.organisation_settings
    add column timezone text not null default 'Asia/Jakarta',
    add constraint organisation_settings_timezone_check check (length(timezone) between 1 and 64);

-- H-053. An extension without any is always open. An end that is not after the start is on the next day.
create table telephony.extension_operational_hours (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid not null,
    -- 1 Monday … 7 Sunday (ISO 8601), of the day on which it begins.
    day_of_week integer not null,
    start_time time not null,
    end_time time not null,
    created_at timestamptz not null default now(),
    constraint extension_operational_hours_pkey primary key (id),
    constraint extension_operational_hours_key unique (org_id, extension_id, day_of_week, start_time),
    constraint extension_operational_hours_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint extension_operational_hours_day_check check (day_of_week between 1 and 7),
    constraint extension_operational_hours_minutes_check
        check (start_time < '24:00' and extract(second from start_time) = 0 and extract(second from end_time) = 0)
);

-- HX-15: dates with other hours than their weekday's, of one extension or of all that have hours. Rows of the same date
-- belong together; one without times stands for a day that is closed.
create table telephony.holidays (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid,
    on_date date not null,
    name text not null,
    start_time time,
    end_time time,
    created_at timestamptz not null default now(),
    constraint holidays_pkey primary key (id),
    constraint holidays_key unique nulls not distinct (org_id, extension_id, on_date, start_time),
    constraint holidays_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint holidays_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint holidays_name_check check (length(name) between 1 and 100),
    constraint holidays_minutes_check
        check (start_time < '24:00' and extract(second from start_time) = 0 and extract(second from end_time) = 0),
    constraint holidays_times_check check (num_nulls(start_time, end_time) in (0, 2))
);

-- H-055 with what HX-9 adds. Rules that are deleted stay as rows and hold nobody any more: what they led to may go.
create table telephony.extension_rules (
    id uuid not null,
    org_id uuid not null,
    extension_id uuid not null,
    timescope text not null,
    condition text not null,
    -- What the switch can do. A further action comes with whatever it leads to.
    action text not null,
    target_extension_id uuid,
    target_user_id uuid,
    -- The name of a sound, shipped or the organisation's own.
    target_sound text,
    position integer not null,
    is_enabled boolean not null default true,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_by uuid,
    updated_at timestamptz not null default now(),
    deleted_by uuid,
    deleted_at timestamptz,
    version integer not null default 1,
    live_extension_id uuid generated always as (case when deleted_at is null then target_extension_id end) stored,
    live_user_id uuid generated always as (case when deleted_at is null then target_user_id end) stored,
    constraint extension_rules_pkey primary key (id),
    constraint extension_rules_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint extension_rules_target_extension_fkey foreign key (org_id, live_extension_id)
        references telephony.extensions (org_id, id),
    constraint extension_rules_target_staff_fkey foreign key (org_id, live_user_id)
        references identity.memberships (org_id, user_id),
    constraint extension_rules_timescope_check check (timescope in ('any', 'work_hours', 'off_hours')),
    constraint extension_rules_condition_check check (condition in ('always', 'busy', 'no_answer', 'unreachable')),
    constraint extension_rules_action_check
        check (action in ('ring', 'forward_extension', 'forward_staff', 'announce_hangup')),
    constraint extension_rules_ring_check check (action <> 'ring' or condition = 'always'),
    constraint extension_rules_target_check check (
        (action = 'forward_extension') = (target_extension_id is not null)
        and (action = 'forward_staff') = (target_user_id is not null)
        and (action = 'announce_hangup') = (target_sound is not null)),
    constraint extension_rules_target_sound_check check (target_sound ~ '^[a-z0-9_-]{1,40}$'),
    constraint extension_rules_itself_check check (target_extension_id <> extension_id),
    constraint extension_rules_position_check check (position between 1 and 1000)
);
create unique index extension_rules_position_key
    on telephony.extension_rules (org_id, extension_id, timescope, condition, position) where deleted_at is null;
create index extension_rules_target_extension_idx on telephony.extension_rules (org_id, live_extension_id);
create index extension_rules_target_staff_idx on telephony.extension_rules (org_id, live_user_id);

create trigger extension_rules_touch before update on telephony.extension_rules
    for each row execute function platform.touch();

create trigger extension_operational_hours_revision
    after insert or update or delete on telephony.extension_operational_hours
    for each statement execute function telephony.bump_revision();
create trigger holidays_revision after insert or update or delete on telephony.holidays
    for each statement execute function telephony.bump_revision();
create trigger extension_rules_revision after insert or update or delete on telephony.extension_rules
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.extension_operational_hours');
call platform.protect('telephony.holidays');
call platform.protect('telephony.extension_rules');

create policy switch_read on telephony.extension_operational_hours for select to sambung_switch using (true);
create policy switch_read on telephony.holidays for select to sambung_switch using (true);
create policy switch_read on telephony.extension_rules for select to sambung_switch using (true);

grant select on telephony.extension_operational_hours, telephony.holidays, telephony.extension_rules
    to sambung_switch;
grant select, insert, delete on telephony.extension_operational_hours, telephony.holidays to sambung_api;
grant select, insert, update on telephony.extension_rules to sambung_api;

reset role;
