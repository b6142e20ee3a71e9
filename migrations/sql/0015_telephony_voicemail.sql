-- Mailboxes (voicemail) and the messages in them (decision 0036). A message is a recording that belongs to a mailbox: its
-- row is added together with the recording's, when the store has it. What becomes of it later is marked once and never
-- taken back.
set local role sambung_owner;

create table telephony.voicemail_boxes (
    org_id uuid not null,
    user_id uuid not null,
    is_enabled boolean not null default true,
    -- What callers hear first: the name of a sound. Null: the common greeting.
    greeting_sound text,
    messages_max integer not null default 50,
    message_seconds_max integer not null default 180,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint voicemail_boxes_pkey primary key (org_id, user_id),
    constraint voicemail_boxes_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint voicemail_boxes_greeting_check check (greeting_sound ~ '^[a-z0-9_-]{1,40}$'),
    constraint voicemail_boxes_messages_check check (messages_max between 1 and 500),
    constraint voicemail_boxes_seconds_check check (message_seconds_max between 10 and 600)
);

create table telephony.voicemail_messages (
    -- The recording's.
    id uuid not null,
    org_id uuid not null,
    call_id uuid not null,
    user_id uuid not null,
    -- Null: the caller did not want it shown.
    caller_number text,
    left_at timestamptz not null,
    length_ms bigint not null,
    heard_at timestamptz,
    deleted_at timestamptz,
    constraint voicemail_messages_pkey primary key (id),
    constraint voicemail_messages_recording_fkey foreign key (org_id, id)
        references telephony.recordings (org_id, id),
    constraint voicemail_messages_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint voicemail_messages_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint voicemail_messages_caller_check check (length(caller_number) between 1 and 64),
    constraint voicemail_messages_length_check check (length_ms >= 0)
);
create index voicemail_messages_box_idx on telephony.voicemail_messages (org_id, user_id, left_at desc, id desc)
    where deleted_at is null;

-- A rule may lead to a mailbox.
alter table telephony.extension_rules
    drop constraint extension_rules_action_check,
    add constraint extension_rules_action_check
        check (action in ('ring', 'forward_extension', 'forward_staff', 'announce_hangup', 'voicemail')),
    drop constraint extension_rules_target_check,
    add constraint extension_rules_target_check check (
        (action = 'forward_extension') = (target_extension_id is not null)
        and (action in ('forward_staff', 'voicemail')) = (target_user_id is not null)
        and (action = 'announce_hangup') = (target_sound is not null));

create trigger voicemail_boxes_touch before update on telephony.voicemail_boxes
    for each row execute function platform.touch();
create trigger voicemail_boxes_revision after insert or update or delete on telephony.voicemail_boxes
    for each statement execute function telephony.bump_revision();

-- Says that there is something new in some mailbox, not what: its payload would be outside row-level security.
create function telephony.voicemail_changed() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('telephony_voicemail', '');
    return null;
end $$;
create trigger voicemail_messages_changed after insert or update or delete on telephony.voicemail_messages
    for each statement execute function telephony.voicemail_changed();

call platform.protect('telephony.voicemail_boxes');
call platform.protect('telephony.voicemail_messages');

create policy switch_read on telephony.voicemail_boxes for select to sambung_switch using (true);
create policy switch_read on telephony.voicemail_messages for select to sambung_switch using (true);
create policy switch_add on telephony.voicemail_messages for insert to sambung_switch with check (true);
create policy switch_mark on telephony.voicemail_messages for update to sambung_switch
    using (true) with check (true);

grant select on telephony.voicemail_boxes to sambung_switch;
grant select, insert, update (heard_at, deleted_at) on telephony.voicemail_messages to sambung_switch;
grant select, insert, update, delete on telephony.voicemail_boxes to sambung_api;
grant select, update (heard_at, deleted_at) on telephony.voicemail_messages to sambung_api;

reset role;
