-- Extensions whose people's phones all hear whoever dials them, as dialplan::compile takes them.
set local role sambung_owner;

create table telephony.page_groups (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid not null,
    -- Whether they are heard too.
    is_duplex boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint page_groups_pkey primary key (id),
    constraint page_groups_org_id_key unique (org_id, id),
    constraint page_groups_extension_key unique (org_id, extension_id),
    constraint page_groups_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade
);

create trigger page_groups_touch before update on telephony.page_groups
    for each row execute function platform.touch();
create trigger page_groups_revision after insert or update or delete on telephony.page_groups
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.page_groups');

create policy switch_read on telephony.page_groups for select to sambung_switch using (true);

grant select on telephony.page_groups to sambung_switch;
grant select, insert, update, delete on telephony.page_groups to sambung_api;

reset role;
