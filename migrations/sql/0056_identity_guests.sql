-- Guests (H-009, H-010, H-020, H-022, HX-17): people who enter an organisation by its QR code, with a name and nothing else.
set local role sambung_owner;

-- A guest is a person without an e-mail address; where one is a guest is a session of theirs (HX-20). Its token is made of its id and a
-- key that the database does not have.
create table identity.guest_sessions (
    id uuid not null,
    org_id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    -- Moves on while the session is used.
    expires_at timestamptz not null,
    -- The guest has left.
    ended_at timestamptz,
    constraint guest_sessions_pkey primary key (id),
    constraint guest_sessions_org_id_key unique (org_id, id),
    constraint guest_sessions_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint guest_sessions_user_fkey foreign key (user_id) references identity.users (id)
);
create index guest_sessions_user_idx on identity.guest_sessions (user_id);

call platform.protect('identity.guest_sessions');
create policy api_presented on identity.guest_sessions for select to sambung_api
    using (id = platform.presented('app.guest'));
grant select, insert (id, org_id, user_id, expires_at), update (used_at, expires_at, ended_at)
    on identity.guest_sessions to sambung_api;

-- A guest's name is known where they are or have been one. The inner query is under the sessions' own policy.
create policy api_guest on identity.users for select to sambung_api
    using (exists (select from identity.guest_sessions s where s.user_id = users.id));

reset role;
