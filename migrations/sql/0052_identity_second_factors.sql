-- A code of a phone beside the password (RFC 6238, decision 0064): the secret that it is made of, sign-ins that wait for one, and what was done to what
-- people prove themselves by.
set local role sambung_owner;

create table identity.second_factors (
    user_id uuid not null,
    -- The secret, locked by the key of that name, which the database does not have.
    locked bytea not null,
    key_name text not null,
    -- Before a first code has come it does not count.
    confirmed_at timestamptz,
    -- Of the code that was used last, in steps of 30 s since 1970 began: none is good twice.
    last_step bigint not null default 0,
    -- Codes that were wrong since one was right.
    failures integer not null default 0,
    -- SHA-256 of the recovery codes that are left.
    recovery bytea[] not null default '{}',
    created_at timestamptz not null default now(),
    constraint second_factors_pkey primary key (user_id),
    constraint second_factors_user_fkey foreign key (user_id) references identity.users (id),
    constraint second_factors_key_name_check check (length(key_name) between 1 and 255),
    constraint second_factors_failures_check check (failures >= 0),
    constraint second_factors_recovery_check check (cardinality(recovery) <= 10)
);
alter table identity.second_factors enable row level security;
alter table identity.second_factors force row level security;
create policy api_person on identity.second_factors to sambung_api
    using (user_id = platform.presented('app.person')) with check (user_id = platform.presented('app.person'));
create policy owner_reset on identity.second_factors to sambung_owner using (true) with check (true);
create policy platform_all on identity.second_factors to sambung_platform using (true) with check (true);
grant select, insert, delete, update (locked, key_name, confirmed_at, last_step, failures, recovery, created_at)
    on identity.second_factors to sambung_api;
grant select (user_id, key_name, confirmed_at), delete on identity.second_factors to sambung_platform;

-- The only way by which the platform's staff touch one; false: there is none that counts, or it is their own.
create function identity.reset_second_factor(person uuid) returns boolean
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not identity.is_staff() then
        raise insufficient_privilege using message = 'not one of the staff';
    end if;
    delete from identity.second_factors
     where user_id = person and user_id <> platform.presented('app.staff') and confirmed_at is not null;
    return found;
end $$;
revoke all on function identity.reset_second_factor(uuid) from public;
grant execute on function identity.reset_second_factor(uuid) to sambung_api;

-- The password was right, and the code has not come yet.
alter table identity.sign_ins add column awaits_code boolean not null default false;
grant update (awaits_code, expires_at) on identity.sign_ins to sambung_api;

-- Of no organisation, so not in the record (platform.audit_events); appended to and never altered.
create table identity.person_events (
    id uuid not null,
    user_id uuid not null,
    action text not null,
    -- Themselves, or one of the platform's staff.
    actor_id uuid not null,
    reason text,
    created_at timestamptz not null default now(),
    constraint person_events_pkey primary key (id),
    constraint person_events_user_fkey foreign key (user_id) references identity.users (id),
    constraint person_events_actor_fkey foreign key (actor_id) references identity.users (id),
    constraint person_events_action_check check (length(action) between 1 and 64),
    constraint person_events_reason_check check (length(reason) between 1 and 1000)
);
create index person_events_user_idx on identity.person_events (user_id, created_at, id);
alter table identity.person_events enable row level security;
alter table identity.person_events force row level security;
create policy api_person on identity.person_events to sambung_api
    using (user_id = platform.presented('app.person'))
    with check (user_id = platform.presented('app.person') and actor_id = user_id);
create policy api_staff on identity.person_events to sambung_api
    using ((select identity.is_staff()))
    with check ((select identity.is_staff()) and actor_id = platform.presented('app.staff'));
create policy platform_all on identity.person_events to sambung_platform using (true) with check (true);
grant select, insert on identity.person_events to sambung_api;
grant select on identity.person_events to sambung_platform;

-- People are told of it.
alter table identity.letters
    drop constraint letters_kind_check,
    add constraint letters_kind_check check (kind in ('confirm', 'known', 'reset', 'nobody', 'invite',
        'approved', 'rejected', 'suspended', 'reactivated',
        'second_factor.on', 'second_factor.off', 'second_factor.reset'));

reset role;
