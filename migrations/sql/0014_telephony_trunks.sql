-- What connects organisations with the telephone network: trunks and the numbers that people outside dial, as
-- dialplan::compile takes them (H-042, H-057).
set local role sambung_owner;

-- By E.164. Numbers that are written without one are in this country.
alter table telephony.organisation_settings
    add column country_code text not null default '62',
    add constraint organisation_settings_country_code_check check (country_code ~ '^[1-9][0-9]{0,2}$');

-- Whoever is believed by the address alone is not half the world.
create function telephony.are_narrow(networks cidr[]) returns boolean
    language sql
    immutable
    set search_path = pg_catalog, pg_temp
    return (select coalesce(bool_and(masklen(one) >= case family(one) when 4 then 16 else 32 end), true)
            from unnest(networks) as one);

create table telephony.trunks (
    id uuid not null,
    org_id uuid not null,
    name text not null,
    -- Where its calls come from. Whoever sends from there is believed to be it.
    sources cidr[] not null,
    -- Calls at once, in both directions.
    channels_max integer not null default 30,
    -- Its word on who calls is believed, and who calls is told to it (RFC 3325).
    is_trusted boolean not null default true,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint trunks_pkey primary key (id),
    constraint trunks_org_id_key unique (org_id, id),
    constraint trunks_name_key unique (org_id, name),
    constraint trunks_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint trunks_name_check check (length(name) between 1 and 100),
    constraint trunks_channels_max_check check (channels_max between 1 and 2000),
    constraint trunks_sources_check check (cardinality(sources) between 1 and 64),
    constraint trunks_sources_narrow_check check (telephony.are_narrow(sources))
);

-- Numbers of organisations in the telephone network, by E.164. One organisation's alone: a call finds its organisation by it.
create table telephony.did_numbers (
    id uuid not null,
    org_id uuid not null,
    number text not null,
    -- What it stands for: an extension, or a person with a number.
    extension_id uuid,
    user_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint did_numbers_pkey primary key (id),
    constraint did_numbers_number_key unique (number),
    constraint did_numbers_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint did_numbers_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id),
    constraint did_numbers_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint did_numbers_number_check check (number ~ '^\+[1-9][0-9]{6,14}$'),
    constraint did_numbers_target_check check (num_nonnulls(extension_id, user_id) = 1)
);
create index did_numbers_extension_idx on telephony.did_numbers (org_id, extension_id);
create index did_numbers_staff_idx on telephony.did_numbers (org_id, user_id);

create trigger trunks_touch before update on telephony.trunks
    for each row execute function platform.touch();
create trigger did_numbers_touch before update on telephony.did_numbers
    for each row execute function platform.touch();

create trigger trunks_revision after insert or update or delete on telephony.trunks
    for each statement execute function telephony.bump_revision();
create trigger did_numbers_revision after insert or update or delete on telephony.did_numbers
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.trunks');
call platform.protect('telephony.did_numbers');

create policy switch_read on telephony.trunks for select to sambung_switch using (true);
create policy switch_read on telephony.did_numbers for select to sambung_switch using (true);

grant select on telephony.trunks, telephony.did_numbers to sambung_switch;
grant select, insert, update, delete on telephony.trunks, telephony.did_numbers to sambung_api;

reset role;
