-- Organisations and people (H-040 … H-048), as much of them as telephony needs.
set local role sambung_owner;

create schema identity;
revoke all on schema identity from public;
grant usage on schema identity to sambung_api, sambung_switch, sambung_platform;

-- The tenant. Its own id is its org_id.
create table identity.organisations (
    id uuid not null,
    name text not null,
    -- H-046
    status text not null default 'pending',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint organisations_pkey primary key (id),
    constraint organisations_name_check check (length(name) between 1 and 100),
    constraint organisations_status_check check (status in ('pending', 'approved', 'rejected', 'suspended'))
);

-- A person. Not a tenant's row: the same person may work for two organisations and be a third one's guest.
create table identity.users (
    id uuid not null,
    name text,
    -- Stored in lower case, so that equality is the comparison people expect.
    email text,
    email_verified_at timestamptz,
    status text not null default 'active',
    platform_role text not null default 'none',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email),
    constraint users_name_check check (length(name) between 1 and 100),
    constraint users_email_check check (length(email) between 3 and 255 and email = lower(email)),
    constraint users_status_check check (status in ('active', 'suspended')),
    constraint users_platform_role_check check (platform_role in ('none', 'super_admin'))
);

-- H-041 as amended by HX-1. Hashes only: Argon2id in PHC form for a password, nothing for the others.
create table identity.auth_methods (
    provider text not null,
    provider_user_id text not null,
    user_id uuid not null,
    password_hash text,
    last_login_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint auth_methods_pkey primary key (provider, provider_user_id),
    constraint auth_methods_user_fkey foreign key (user_id) references identity.users (id),
    constraint auth_methods_provider_check check (provider in ('guest_token', 'password', 'google_login')),
    constraint auth_methods_provider_user_id_check check (length(provider_user_id) between 1 and 255),
    constraint auth_methods_password_hash_check
        check ((provider = 'password') = (password_hash is not null) and password_hash like '$argon2id$%')
);
create index auth_methods_user_idx on identity.auth_methods (user_id);

-- Who belongs to an organisation (H-047, H-048, HX-7). A person comes back into the row they left.
create table identity.memberships (
    id uuid not null,
    org_id uuid not null,
    -- Null while an invitation to the e-mail address waits for its person.
    user_id uuid,
    email text not null,
    role text not null,
    status text not null default 'pending',
    removed_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint memberships_pkey primary key (id),
    constraint memberships_org_user_key unique (org_id, user_id),
    constraint memberships_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint memberships_user_fkey foreign key (user_id) references identity.users (id),
    constraint memberships_email_check check (length(email) between 3 and 255 and email = lower(email)),
    constraint memberships_role_check check (role in ('owner', 'branch_admin', 'call_agent')),
    constraint memberships_status_check check (status in ('pending', 'rejected', 'active', 'suspended'))
);
create unique index memberships_org_email_key on identity.memberships (org_id, email) where removed_at is null;
create index memberships_user_idx on identity.memberships (user_id);

-- Keys of programs. The key itself is never stored: key_hash is SHA-256 of its 256 random bits.
create table identity.api_keys (
    id uuid not null,
    org_id uuid not null,
    name text not null,
    key_hash bytea not null,
    permissions text[] not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint api_keys_name_check check (length(name) between 1 and 100),
    constraint api_keys_key_hash_check check (length(key_hash) = 32)
);
create index api_keys_org_idx on identity.api_keys (org_id);

create trigger organisations_touch before update on identity.organisations
    for each row execute function platform.touch();
create trigger users_touch before update on identity.users
    for each row execute function platform.touch();
create trigger auth_methods_touch before update on identity.auth_methods
    for each row execute function platform.touch();
create trigger memberships_touch before update on identity.memberships
    for each row execute function platform.touch();
create trigger api_keys_touch before update on identity.api_keys
    for each row execute function platform.touch();

call platform.protect('identity.organisations', 'id');
call platform.protect('identity.memberships');
call platform.protect('identity.api_keys');

-- A person is visible to the organisations they belong to. The inner query is under memberships' own policy.
alter table identity.users enable row level security;
alter table identity.users force row level security;
create policy api_own_org on identity.users for select to sambung_api
    using (exists (select from identity.memberships where memberships.user_id = users.id));

-- Before a key has been looked up, its organisation is unknown. Whoever presents the key names its row
-- (app.api_key), sees that one row, and learns from it where they belong.
create policy api_presented_key on identity.api_keys for select to sambung_api
    using (id = nullif(current_setting('app.api_key', true), '')::uuid);

-- Credentials of people are no business of an organisation.
alter table identity.auth_methods enable row level security;
alter table identity.auth_methods force row level security;

create policy platform_all on identity.organisations to sambung_platform using (true) with check (true);
create policy platform_all on identity.users to sambung_platform using (true) with check (true);
create policy platform_all on identity.auth_methods to sambung_platform using (true) with check (true);
create policy platform_all on identity.memberships to sambung_platform using (true) with check (true);
create policy platform_all on identity.api_keys to sambung_platform using (true) with check (true);

create policy switch_read on identity.organisations for select to sambung_switch using (true);
create policy switch_read on identity.users for select to sambung_switch using (true);
create policy switch_read on identity.memberships for select to sambung_switch using (true);

grant select on identity.organisations, identity.users, identity.memberships, identity.api_keys to sambung_api;
grant select, insert, update on identity.organisations, identity.users, identity.auth_methods,
    identity.memberships, identity.api_keys to sambung_platform;
-- Names and states only: the switch has no use for an e-mail address.
grant select (id, name, status) on identity.organisations, identity.users to sambung_switch;
grant select (org_id, user_id, status, removed_at) on identity.memberships to sambung_switch;

reset role;
