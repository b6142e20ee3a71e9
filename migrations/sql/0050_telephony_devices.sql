-- Desk phones, with the accounts on their lines, and where they fetch their configuration (decision 0061).
set local role sambung_owner;

create table telephony.devices (
    id uuid not null,
    org_id uuid not null,
    label text not null,
    vendor text not null,
    model text,
    mac text not null,
    transport text not null default 'udp',
    codecs text[] not null,
    language text not null default 'id',
    -- Numbers. One that is nobody's any more is left out of the configuration.
    keys text[] not null default '{}',
    is_active boolean not null default true,
    -- Which address leads to its configuration, made of a signing key; null: none. And who has made it, as in the record.
    address_no integer,
    address_actor_kind text,
    address_actor_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint devices_pkey primary key (id),
    constraint devices_org_id_key unique (org_id, id),
    constraint devices_mac_key unique (org_id, mac),
    constraint devices_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint devices_label_check check (length(label) between 1 and 100),
    constraint devices_vendor_check check (vendor in ('yealink', 'grandstream', 'fanvil', 'snom', 'generic')),
    constraint devices_model_check check (model ~ '^[A-Za-z0-9]{1,32}$'),
    constraint devices_mac_check check (mac ~ '^[0-9a-f]{12}$'),
    constraint devices_transport_check check (transport in ('udp', 'tcp', 'tls')),
    constraint devices_codecs_check check (
        codecs <@ array['pcma', 'pcmu', 'g722', 'opus'] and cardinality(codecs) between 1 and 4),
    constraint devices_language_check check (language in ('id', 'en')),
    constraint devices_keys_check check (cardinality(keys) <= 24),
    constraint devices_address_check check (
        num_nulls(address_no, address_actor_kind, address_actor_id) in (0, 3)
        and address_actor_kind in ('api_key', 'person'))
);

create table telephony.device_lines (
    org_id uuid not null,
    device_id uuid not null,
    line smallint not null,
    account_id uuid not null,
    constraint device_lines_pkey primary key (org_id, device_id, line),
    constraint device_lines_account_key unique (org_id, device_id, account_id),
    constraint device_lines_device_fkey foreign key (org_id, device_id)
        references telephony.devices (org_id, id) on delete cascade,
    constraint device_lines_account_fkey foreign key (org_id, account_id)
        references telephony.sip_accounts (org_id, id),
    constraint device_lines_line_check check (line between 1 and 4)
);
create index device_lines_account_idx on telephony.device_lines (org_id, account_id);

create trigger devices_touch before update on telephony.devices
    for each row execute function platform.touch();

call platform.protect('telephony.devices');
call platform.protect('telephony.device_lines');

-- Before a device has proven itself its organisation is unknown. Its address names its row (app.device).
create policy api_presented on telephony.devices for select to sambung_api
    using (id = platform.presented('app.device'));

grant select, insert, delete,
    update (label, vendor, model, mac, transport, codecs, language, keys, is_active, address_no, address_actor_kind,
        address_actor_id) on telephony.devices to sambung_api;
grant select, insert, delete on telephony.device_lines to sambung_api;

reset role;
