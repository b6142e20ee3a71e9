-- What `sambung apply` changed, so that it can be undone: the rows of one organisation before and after, as
-- one document each. They hold digests, which are as good as passwords, so nobody but the owner reads them.
set local role sambung_owner;

create table telephony.applications (
    id bigint generated always as identity,
    org_id uuid not null,
    -- Organisations that were applied together are undone together.
    run uuid not null,
    before jsonb not null,
    after jsonb not null,
    applied_at timestamptz not null default now(),
    -- The switch has taken it and was well afterwards.
    confirmed_at timestamptz,
    undone_at timestamptz,
    constraint applications_pkey primary key (id),
    constraint applications_org_run_key unique (org_id, run),
    constraint applications_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint applications_before_check check (jsonb_typeof(before) = 'object'),
    constraint applications_after_check check (jsonb_typeof(after) = 'object')
);
create index applications_run_idx on telephony.applications (run);

call platform.protect('telephony.applications');
create policy owner_all on telephony.applications to sambung_owner using (true) with check (true);

reset role;
