-- What calls are routed by (H-050 … H-052, HX-10): the rows that dialplan::compile takes.
set local role sambung_owner;

create schema telephony;
revoke all on schema telephony from public;
grant usage on schema telephony to sambung_api, sambung_switch, sambung_platform;

-- H-052 (general_extension_settings), and where the organisation's phones register.
create table telephony.organisation_settings (
    org_id uuid not null,
    -- Also the digest realm: an account's ha1_* is made with it, so changing it means new credentials.
    -- Unique among all organisations, because a request finds its organisation by it.
    sip_domain text not null,
    -- The organisation of requests that are addressed to the switch's own IP address.
    is_default boolean not null default false,
    ring_timeout_seconds integer not null default 60,
    is_record_a_call boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint organisation_settings_pkey primary key (org_id),
    constraint organisation_settings_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint organisation_settings_sip_domain_key unique (sip_domain),
    constraint organisation_settings_sip_domain_check
        check (length(sip_domain) <= 253 and sip_domain ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$'),
    constraint organisation_settings_ring_timeout_check check (ring_timeout_seconds between 5 and 600)
);
create unique index organisation_settings_default_key on telephony.organisation_settings (is_default)
    where is_default;

create table telephony.extensions (
    id uuid not null,
    org_id uuid not null,
    name text not null,
    -- H-056
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint extensions_pkey primary key (id),
    constraint extensions_org_id_key unique (org_id, id),
    constraint extensions_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint extensions_name_check check (length(name) between 1 and 100)
);

-- H-051
create table telephony.extension_assigned_staffs (
    org_id uuid not null,
    extension_id uuid not null,
    user_id uuid not null,
    assigned_at timestamptz not null default now(),
    constraint extension_assigned_staffs_pkey primary key (org_id, extension_id, user_id),
    constraint extension_assigned_staffs_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint extension_assigned_staffs_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id)
);
create index extension_assigned_staffs_staff_idx on telephony.extension_assigned_staffs (org_id, user_id);

-- Every number that can be dialled inside an organisation, with what it rings. One table, so that the
-- primary key keeps an extension and a person from having the same number.
create table telephony.numbers (
    org_id uuid not null,
    number text not null,
    extension_id uuid,
    user_id uuid,
    created_at timestamptz not null default now(),
    constraint numbers_pkey primary key (org_id, number),
    constraint numbers_extension_key unique (org_id, extension_id),
    constraint numbers_staff_key unique (org_id, user_id),
    constraint numbers_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint numbers_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint numbers_number_check check (number ~ '^[0-9]{2,6}$'),
    constraint numbers_one_holder_check check (num_nonnulls(extension_id, user_id) = 1)
);

-- Credentials that phones register and call with. No password: the two digests are all that RFC 8760 needs.
create table telephony.sip_accounts (
    id uuid not null,
    org_id uuid not null,
    -- Null: a bare account, nobody's, callable by its username.
    user_id uuid,
    username text not null,
    ha1_md5 text not null,
    ha1_sha256 text not null,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint sip_accounts_pkey primary key (id),
    constraint sip_accounts_org_id_key unique (org_id, id),
    constraint sip_accounts_username_key unique (org_id, username),
    constraint sip_accounts_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint sip_accounts_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint sip_accounts_username_check check (username ~ '^[A-Za-z0-9._~+-]{1,64}$'),
    constraint sip_accounts_ha1_md5_check check (ha1_md5 ~ '^[0-9a-f]{32}$'),
    constraint sip_accounts_ha1_sha256_check check (ha1_sha256 ~ '^[0-9a-f]{64}$')
);
create index sip_accounts_staff_idx on telephony.sip_accounts (org_id, user_id);

-- How new the configuration is, and which state of it the switch runs (HOUSE §4d). One row. Its lock makes
-- revisions commit in their own order: who sees revision n sees every change up to n.
create table telephony.revisions (
    is_only_row boolean not null default true,
    revision bigint not null default 1,
    applied bigint not null default 0,
    applied_at timestamptz,
    constraint revisions_pkey primary key (is_only_row),
    constraint revisions_only_row_check check (is_only_row)
);

create trigger organisation_settings_touch before update on telephony.organisation_settings
    for each row execute function platform.touch();
create trigger extensions_touch before update on telephony.extensions
    for each row execute function platform.touch();
create trigger sip_accounts_touch before update on telephony.sip_accounts
    for each row execute function platform.touch();

alter table telephony.revisions enable row level security;
alter table telephony.revisions force row level security;
create policy owner_all on telephony.revisions to sambung_owner using (true) with check (true);
create policy switch_all on telephony.revisions to sambung_switch using (true) with check (true);
create policy api_read on telephony.revisions for select to sambung_api using (true);
insert into telephony.revisions default values;

-- Runs as the owner, because nobody else may move the revision. The notification says that there is
-- something new, not what: its payload would be outside row-level security.
create function telephony.bump_revision() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update telephony.revisions set revision = revision + 1;
    perform pg_notify('telephony_revision', '');
    return null;
end $$;
revoke all on function telephony.bump_revision() from public;

create trigger organisation_settings_revision after insert or update or delete on telephony.organisation_settings
    for each statement execute function telephony.bump_revision();
create trigger extensions_revision after insert or update or delete on telephony.extensions
    for each statement execute function telephony.bump_revision();
create trigger extension_assigned_staffs_revision
    after insert or update or delete on telephony.extension_assigned_staffs
    for each statement execute function telephony.bump_revision();
create trigger numbers_revision after insert or update or delete on telephony.numbers
    for each statement execute function telephony.bump_revision();
create trigger sip_accounts_revision after insert or update or delete on telephony.sip_accounts
    for each statement execute function telephony.bump_revision();
-- Of people and organisations only what the plan reads.
create trigger organisations_revision after insert or update of status or delete on identity.organisations
    for each statement execute function telephony.bump_revision();
create trigger users_revision after update of name, status on identity.users
    for each statement execute function telephony.bump_revision();
create trigger memberships_revision after insert or update of status, removed_at, user_id or delete
    on identity.memberships
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.organisation_settings');
call platform.protect('telephony.extensions');
call platform.protect('telephony.extension_assigned_staffs');
call platform.protect('telephony.numbers');
call platform.protect('telephony.sip_accounts');

create policy switch_read on telephony.organisation_settings for select to sambung_switch using (true);
create policy switch_read on telephony.extensions for select to sambung_switch using (true);
create policy switch_read on telephony.extension_assigned_staffs for select to sambung_switch using (true);
create policy switch_read on telephony.numbers for select to sambung_switch using (true);
create policy switch_read on telephony.sip_accounts for select to sambung_switch using (true);

grant select on telephony.organisation_settings, telephony.extensions, telephony.extension_assigned_staffs,
    telephony.numbers, telephony.sip_accounts, telephony.revisions to sambung_switch;
grant update (applied, applied_at) on telephony.revisions to sambung_switch;

grant select, insert, update on telephony.organisation_settings, telephony.extensions to sambung_api;
grant delete on telephony.extensions to sambung_api;
grant select, insert, delete on telephony.extension_assigned_staffs, telephony.numbers to sambung_api;
-- Digests go in and never come out: they are as good as the password.
grant select (id, org_id, user_id, username, is_active, created_at, updated_at, version), insert, delete,
    update (user_id, ha1_md5, ha1_sha256, is_active) on telephony.sip_accounts to sambung_api;
grant select on telephony.revisions to sambung_api;

reset role;
