-- People who sign in (decision 0055): what they may do in an organisation, and where they are signed in. A unit of work sees the
-- rows of whoever has been named before it: a person (app.person), or what somebody says they are called (app.login).
set local role sambung_owner;

create function platform.presented(setting text) returns uuid
    language sql stable parallel safe
    return nullif(current_setting(setting, true), '')::uuid;
grant execute on function platform.presented(text) to sambung_api, sambung_switch, sambung_platform;
revoke all on function platform.presented(text) from public;

-- Raised by whatever takes rights away or gives them; an access token holds what it was when it was made.
alter table identity.users add column token_epoch integer not null default 1;
alter table identity.memberships
    add column token_epoch integer not null default 1,
    -- Permissions beside those of the role, and permissions of the role that this member has not.
    add column granted text[] not null default '{}',
    add column withheld text[] not null default '{}',
    drop constraint memberships_role_check,
    add constraint memberships_role_check
        check (role in ('owner', 'branch_admin', 'team_lead', 'call_agent', 'viewer'));

create function identity.raise_person_epoch() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    new.token_epoch := greatest(new.token_epoch, old.token_epoch + 1);
    return new;
end $$;
create trigger users_epoch before update on identity.users for each row
    when (old.status is distinct from new.status or old.platform_role is distinct from new.platform_role)
    execute function identity.raise_person_epoch();
create trigger memberships_epoch before update on identity.memberships for each row
    when ((old.user_id, old.role, old.status, old.removed_at, old.granted, old.withheld)
        is distinct from (new.user_id, new.role, new.status, new.removed_at, new.granted, new.withheld))
    execute function identity.raise_person_epoch();
revoke all on function identity.raise_person_epoch() from public;

-- Where a person is signed in, from the first proof until it is revoked or expires. Its refresh tokens are numbered and hold
-- a proof of their own, so that none is stored.
create table identity.sign_ins (
    id uuid not null,
    user_id uuid not null,
    -- The organisation it acts in; null: none.
    org_id uuid,
    -- What the browser or program calls itself.
    user_agent text,
    -- The number of the one refresh token that is good.
    refresh_no integer not null default 1,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_for text,
    constraint sign_ins_pkey primary key (id),
    constraint sign_ins_user_fkey foreign key (user_id) references identity.users (id),
    constraint sign_ins_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint sign_ins_member_fkey foreign key (org_id, user_id) references identity.memberships (org_id, user_id),
    constraint sign_ins_user_agent_check check (length(user_agent) between 1 and 200),
    constraint sign_ins_refresh_no_check check (refresh_no > 0),
    constraint sign_ins_revoked_check check ((revoked_at is null) = (revoked_for is null)),
    constraint sign_ins_revoked_for_check
        check (revoked_for in ('signed_out', 'refresh_reused', 'too_many', 'password_reset'))
);
create index sign_ins_user_idx on identity.sign_ins (user_id, created_at);

alter table identity.sign_ins enable row level security;
alter table identity.sign_ins force row level security;
create policy api_person on identity.sign_ins to sambung_api
    using (user_id = platform.presented('app.person')) with check (user_id = platform.presented('app.person'));
create policy api_presented on identity.sign_ins for select to sambung_api
    using (id = platform.presented('app.sign_in'));
create policy platform_all on identity.sign_ins to sambung_platform using (true) with check (true);

create policy api_person on identity.users to sambung_api
    using (id = platform.presented('app.person')) with check (id = platform.presented('app.person'));
create policy api_login on identity.users for select to sambung_api
    using (email = nullif(current_setting('app.login', true), ''));
create policy api_person on identity.auth_methods to sambung_api
    using (user_id = platform.presented('app.person')) with check (user_id = platform.presented('app.person'));
create policy api_login on identity.auth_methods for select to sambung_api
    using (provider_user_id = nullif(current_setting('app.login', true), ''));
create policy api_person on identity.memberships for select to sambung_api
    using (user_id = platform.presented('app.person'));
create policy api_person on identity.organisations for select to sambung_api
    using (exists (select from identity.memberships m
                   where m.org_id = organisations.id and m.user_id = platform.presented('app.person')));

grant select, insert, delete on identity.sign_ins to sambung_api;
grant update (org_id, refresh_no, used_at, revoked_at, revoked_for) on identity.sign_ins to sambung_api;
grant select (provider, provider_user_id, user_id, password_hash, last_login_at), update (last_login_at)
    on identity.auth_methods to sambung_api;
grant select, insert, update on identity.sign_ins to sambung_platform;

-- Events of the record are people's, too.
alter table platform.audit_events
    drop constraint audit_events_actor_kind_check,
    add constraint audit_events_actor_kind_check check (actor_kind in ('api_key', 'person'));

reset role;
