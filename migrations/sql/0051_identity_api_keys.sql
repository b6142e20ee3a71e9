-- Keys of programs are made, rotated and revoked over HTTP (decision 0062), may be good from some networks alone, and it is known when they
-- were used last.
set local role sambung_owner;

alter table identity.api_keys
    -- Where it is good; none: everywhere.
    add column sources cidr[] not null default '{}',
    -- When its secret became another one.
    add column rotated_at timestamptz,
    add constraint api_keys_org_key unique (org_id, id),
    add constraint api_keys_sources_check check (cardinality(sources) <= 16);

-- Beside the key, whose version tells of what somebody has done to it.
create table identity.api_key_uses (
    org_id uuid not null,
    key_id uuid not null,
    -- To the minute.
    used_at timestamptz not null default now(),
    constraint api_key_uses_pkey primary key (org_id, key_id),
    constraint api_key_uses_key_fkey foreign key (org_id, key_id) references identity.api_keys (org_id, id)
);

call platform.protect('identity.api_key_uses');
grant select, insert, update (used_at) on identity.api_key_uses to sambung_api;
grant insert (id, org_id, name, key_hash, permissions, expires_at, sources), update (key_hash, rotated_at, revoked_at)
    on identity.api_keys to sambung_api;

reset role;
