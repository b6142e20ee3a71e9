-- Menus (IVR): what callers of an extension choose from by their keys, as dialplan::compile takes it.
set local role sambung_owner;

create table telephony.menus (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid not null,
    -- What callers hear first: the name of a sound. Null: the common words.
    greeting_sound text,
    -- Null: as the organisation has it.
    language text,
    -- To choose in once all is said.
    timeout_seconds integer not null default 5,
    -- To the next key of a number.
    key_timeout_seconds integer not null default 3,
    -- How often a caller may press nothing or what is no choice.
    tries_max integer not null default 3,
    -- Whether the numbers of extensions and people can be dialled in it.
    has_direct_dialling boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint menus_pkey primary key (id),
    constraint menus_org_id_key unique (org_id, id),
    constraint menus_extension_key unique (org_id, extension_id),
    constraint menus_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint menus_greeting_check check (greeting_sound ~ '^[a-z0-9_-]{1,40}$'),
    constraint menus_language_check check (language in ('id', 'en')),
    constraint menus_timeout_seconds_check check (timeout_seconds between 1 and 60),
    constraint menus_key_timeout_seconds_check check (key_timeout_seconds between 1 and 20),
    constraint menus_tries_max_check check (tries_max between 1 and 10)
);

-- Where a key leads: what a rule can do, by the same words. `timeout` and `invalid`: nothing was pressed, or what is no choice,
-- as often as that may be.
create table telephony.menu_choices (
    org_id uuid not null,
    menu_id uuid not null,
    key text not null,
    action text not null,
    target_extension_id uuid,
    target_user_id uuid,
    target_sound text,
    target_queue_id uuid,
    target_menu_id uuid,
    priority integer not null default 0,
    created_at timestamptz not null default now(),
    constraint menu_choices_pkey primary key (org_id, menu_id, key),
    constraint menu_choices_menu_fkey foreign key (org_id, menu_id)
        references telephony.menus (org_id, id) on delete cascade,
    -- Whoever is led to has a number, or no plan can be made of all the rows. At the end of the transaction, in which a number
    -- may go and another one come.
    constraint menu_choices_target_extension_fkey foreign key (org_id, target_extension_id)
        references telephony.numbers (org_id, extension_id) deferrable initially deferred,
    constraint menu_choices_target_staff_fkey foreign key (org_id, target_user_id)
        references telephony.numbers (org_id, user_id) deferrable initially deferred,
    constraint menu_choices_target_queue_fkey foreign key (org_id, target_queue_id)
        references telephony.queues (org_id, id),
    constraint menu_choices_target_menu_fkey foreign key (org_id, target_menu_id)
        references telephony.menus (org_id, id),
    constraint menu_choices_key_check check (key ~ '^([0-9*#]|timeout|invalid)$'),
    constraint menu_choices_action_check check (action in
        ('ring', 'forward_extension', 'forward_staff', 'announce_hangup', 'queue', 'voicemail', 'ivr')),
    constraint menu_choices_target_check check (
        (action = 'forward_extension') = (target_extension_id is not null)
        and (action in ('forward_staff', 'voicemail')) = (target_user_id is not null)
        and (action = 'announce_hangup') = (target_sound is not null)
        and (action = 'queue') = (target_queue_id is not null)
        and (action = 'ivr') = (target_menu_id is not null)),
    constraint menu_choices_target_sound_check check (target_sound ~ '^[a-z0-9_-]{1,40}$'),
    constraint menu_choices_priority_check check (priority between 0 and 9)
);
create index menu_choices_target_extension_idx on telephony.menu_choices (org_id, target_extension_id);
create index menu_choices_target_staff_idx on telephony.menu_choices (org_id, target_user_id);
create index menu_choices_target_queue_idx on telephony.menu_choices (org_id, target_queue_id);
create index menu_choices_target_menu_idx on telephony.menu_choices (org_id, target_menu_id);

-- A rule may lead to a menu. The words are all that there are: 0015 had left `queue` out.
alter table telephony.extension_rules
    add column target_menu_id uuid,
    add column live_menu_id uuid generated always as (case when deleted_at is null then target_menu_id end) stored,
    add constraint extension_rules_target_menu_fkey foreign key (org_id, live_menu_id)
        references telephony.menus (org_id, id),
    add constraint extension_rules_menu_check check ((action = 'ivr') = (target_menu_id is not null)),
    drop constraint extension_rules_action_check,
    add constraint extension_rules_action_check check (action in
        ('ring', 'forward_extension', 'forward_staff', 'announce_hangup', 'queue', 'voicemail', 'ivr'));
create index extension_rules_target_menu_idx on telephony.extension_rules (org_id, live_menu_id);

create trigger menus_touch before update on telephony.menus
    for each row execute function platform.touch();
create trigger menus_revision after insert or update or delete on telephony.menus
    for each statement execute function telephony.bump_revision();
create trigger menu_choices_revision after insert or update or delete on telephony.menu_choices
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.menus');
call platform.protect('telephony.menu_choices');

create policy switch_read on telephony.menus for select to sambung_switch using (true);
create policy switch_read on telephony.menu_choices for select to sambung_switch using (true);

grant select on telephony.menus, telephony.menu_choices to sambung_switch;
grant select, insert, update, delete on telephony.menus to sambung_api;
grant select, insert, delete on telephony.menu_choices to sambung_api;

reset role;
