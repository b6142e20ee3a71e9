-- Rooms in which callers of an extension hear each other, as dialplan::compile takes them.
set local role sambung_owner;

create table telephony.conferences (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid not null,
    -- What callers press to come in. It goes in and never comes out. Null: nothing.
    pin text,
    -- Who may be there at once.
    members_max integer not null default 32,
    -- Whether a tone says that somebody has come or gone.
    has_tones boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint conferences_pkey primary key (id),
    constraint conferences_org_id_key unique (org_id, id),
    constraint conferences_extension_key unique (org_id, extension_id),
    constraint conferences_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint conferences_pin_check check (pin ~ '^[0-9]{4,10}$'),
    constraint conferences_members_max_check check (members_max between 2 and 32)
);

create trigger conferences_touch before update on telephony.conferences
    for each row execute function platform.touch();
create trigger conferences_revision after insert or update or delete on telephony.conferences
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.conferences');

create policy switch_read on telephony.conferences for select to sambung_switch using (true);

grant select on telephony.conferences to sambung_switch;
grant insert, update, delete on telephony.conferences to sambung_api;
grant select (id, org_id, extension_id, members_max, has_tones, created_at, updated_at, version)
    on telephony.conferences to sambung_api;

reset role;
