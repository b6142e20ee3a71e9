-- Calls to the telephone network (decision 0040): where trunks are reached and how they know us, which calls go out by which of
-- them, and who may make how many, as dialplan::compile takes them.
set local role sambung_owner;

-- `sip:host[:port][;transport=udp|tcp|tls]`, as dialplan reads them.
create function telephony.are_targets(targets text[]) returns boolean
    language sql
    immutable
    set search_path = pg_catalog, pg_temp
    return (select coalesce(bool_and(length(one) <= 255 and one ~
                '^sip:([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?(;transport=(udp|tcp|tls))?$'), true)
            from unnest(targets) as one);

alter table telephony.trunks
    -- Where calls to it go: the first that can take them. None: it only brings calls.
    add column targets text[] not null default '{}',
    -- What it knows us by. The password goes in and never comes out.
    add column auth_username text,
    add column auth_password text,
    -- The only realm that is answered. Null: that of whichever challenge to a request of ours.
    add column auth_realm text,
    -- Whether we register there, and for how long.
    add column is_registering boolean not null default false,
    add column registration_expiry_seconds integer not null default 3600,
    -- Between two OPTIONS that ask whether it is there; 0: none.
    add column options_interval_seconds integer not null default 0,
    -- How numbers are written to it: +62812…, 62812… or 0812….
    add column number_format text not null default 'e164',
    -- Who calls, where the caller has no number of their own.
    add column from_number text,
    drop constraint trunks_sources_check,
    add constraint trunks_sources_check check (cardinality(sources) <= 64),
    add constraint trunks_targets_check check (cardinality(targets) <= 8 and telephony.are_targets(targets)),
    add constraint trunks_way_check check (cardinality(sources) + cardinality(targets) >= 1),
    add constraint trunks_auth_check check (num_nulls(auth_username, auth_password) in (0, 2)),
    add constraint trunks_auth_username_check check (length(auth_username) between 1 and 128),
    add constraint trunks_auth_password_check check (length(auth_password) between 1 and 128),
    add constraint trunks_auth_realm_check
        check (auth_realm is null or (length(auth_realm) between 1 and 255 and auth_username is not null)),
    add constraint trunks_registering_check
        check (not is_registering or (auth_username is not null and cardinality(targets) >= 1)),
    add constraint trunks_registration_expiry_check check (registration_expiry_seconds between 60 and 86400),
    add constraint trunks_options_interval_check
        check (options_interval_seconds = 0 or options_interval_seconds between 10 and 3600),
    add constraint trunks_number_format_check check (number_format in ('e164', 'digits', 'national')),
    add constraint trunks_from_number_check check (from_number ~ '^\+[1-9][0-9]{6,14}$');

-- Numbers that reach the emergency services: they go out whatever routes and budgets say. Indonesia's.
alter table telephony.organisation_settings
    add column emergency_numbers text[] not null default '{110,112,113,118,119}',
    add constraint organisation_settings_emergency_numbers_check
        check (cardinality(emergency_numbers) <= 16
            and array_to_string(emergency_numbers, ',', '') ~ '^([0-9]{2,6}(,[0-9]{2,6})*)?$');

-- Which calls go out, tried in order of position.
create table telephony.outbound_routes (
    id uuid not null,
    org_id uuid not null,
    position integer not null,
    name text not null,
    -- What the number begins with: with a plus by E.164, else as it is dialled. Empty: any number.
    prefix text not null default '',
    -- Digits that are taken off what was dialled, and put in front of it, before it is read as a number.
    strip_digits integer not null default 0,
    prepend_digits text not null default '',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint outbound_routes_pkey primary key (id),
    constraint outbound_routes_org_id_key unique (org_id, id),
    constraint outbound_routes_name_key unique (org_id, name),
    constraint outbound_routes_position_key unique (org_id, position) deferrable initially deferred,
    constraint outbound_routes_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint outbound_routes_position_check check (position between 1 and 1000),
    constraint outbound_routes_name_check check (length(name) between 1 and 100),
    constraint outbound_routes_prefix_check check (prefix ~ '^\+?[0-9]{0,15}$'),
    constraint outbound_routes_strip_check
        check (strip_digits between 0 and length(prefix) and (strip_digits = 0 or prefix !~ '^\+')),
    constraint outbound_routes_prepend_check
        check (prepend_digits ~ '^\+?[0-9]{0,15}$' and (prepend_digits = '' or prefix !~ '^\+'))
);

-- The trunks of a route, in the order in which they are tried.
create table telephony.outbound_route_trunks (
    org_id uuid not null,
    route_id uuid not null,
    trunk_id uuid not null,
    position integer not null,
    created_at timestamptz not null default now(),
    constraint outbound_route_trunks_pkey primary key (org_id, route_id, trunk_id),
    constraint outbound_route_trunks_position_key unique (org_id, route_id, position),
    constraint outbound_route_trunks_route_fkey foreign key (org_id, route_id)
        references telephony.outbound_routes (org_id, id) on delete cascade,
    constraint outbound_route_trunks_trunk_fkey foreign key (org_id, trunk_id)
        references telephony.trunks (org_id, id),
    constraint outbound_route_trunks_position_check check (position between 1 and 32)
);
create index outbound_route_trunks_trunk_idx on telephony.outbound_route_trunks (org_id, trunk_id);

-- How much of the telephone network may be used: by a person, by a bare account, or by everybody who has no row of their own.
create table telephony.outside_budgets (
    id uuid not null,
    org_id uuid not null,
    user_id uuid,
    account_id uuid,
    -- `national`, `international` or what a number by E.164 begins with. None: nowhere.
    destinations text[] not null default '{national}',
    calls_at_once_max integer not null default 3,
    calls_per_minute_max integer not null default 10,
    calls_per_hour_max integer not null default 60,
    calls_per_day_max integer not null default 300,
    minutes_per_day_max integer not null default 480,
    -- Only while this extension is open. Null: always.
    hours_extension_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint outside_budgets_pkey primary key (id),
    constraint outside_budgets_key unique nulls not distinct (org_id, user_id, account_id),
    constraint outside_budgets_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint outside_budgets_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id),
    constraint outside_budgets_account_fkey foreign key (org_id, account_id)
        references telephony.sip_accounts (org_id, id) on delete cascade,
    constraint outside_budgets_hours_fkey foreign key (org_id, hours_extension_id)
        references telephony.extensions (org_id, id),
    constraint outside_budgets_whose_check check (num_nonnulls(user_id, account_id) <= 1),
    constraint outside_budgets_destinations_check
        check (cardinality(destinations) <= 64
            and array_to_string(destinations, ',', '') ~
                '^((national|international|\+[1-9][0-9]{0,14})(,(national|international|\+[1-9][0-9]{0,14}))*)?$'),
    constraint outside_budgets_at_once_check check (calls_at_once_max between 0 and 2000),
    constraint outside_budgets_per_minute_check check (calls_per_minute_max between 0 and 1000),
    constraint outside_budgets_per_hour_check check (calls_per_hour_max between 0 and 1000),
    constraint outside_budgets_per_day_check check (calls_per_day_max between 0 and 1000),
    constraint outside_budgets_minutes_check check (minutes_per_day_max between 0 and 100000)
);
create index outside_budgets_staff_idx on telephony.outside_budgets (org_id, user_id);
create index outside_budgets_account_idx on telephony.outside_budgets (org_id, account_id);
create index outside_budgets_hours_idx on telephony.outside_budgets (org_id, hours_extension_id);

-- Whose budget a leg to the telephone network was counted on, so that what is used up is known after a restart.
alter table telephony.call_legs
    add column payer_kind text,
    add column payer_id uuid,
    add constraint call_legs_payer_check check (num_nulls(payer_kind, payer_id) in (0, 2)),
    add constraint call_legs_payer_kind_check check (payer_kind in ('user', 'account', 'extension'));
create index call_legs_payer_idx on telephony.call_legs (ended_at) where payer_id is not null;

-- A rule may send a call to a number in the telephone network.
alter table telephony.extension_rules
    add column target_number text,
    drop constraint extension_rules_action_check,
    add constraint extension_rules_action_check check (action in ('ring', 'forward_extension', 'forward_staff',
        'forward_number', 'announce_hangup', 'queue', 'voicemail', 'ivr')),
    add constraint extension_rules_target_number_check
        check ((action = 'forward_number') = (target_number is not null)),
    add constraint extension_rules_target_number_e164_check check (target_number ~ '^\+[1-9][0-9]{6,14}$');

create trigger outbound_routes_touch before update on telephony.outbound_routes
    for each row execute function platform.touch();
create trigger outside_budgets_touch before update on telephony.outside_budgets
    for each row execute function platform.touch();

create trigger outbound_routes_revision after insert or update or delete on telephony.outbound_routes
    for each statement execute function telephony.bump_revision();
create trigger outbound_route_trunks_revision after insert or update or delete on telephony.outbound_route_trunks
    for each statement execute function telephony.bump_revision();
create trigger outside_budgets_revision after insert or update or delete on telephony.outside_budgets
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.outbound_routes');
call platform.protect('telephony.outbound_route_trunks');
call platform.protect('telephony.outside_budgets');

create policy switch_read on telephony.outbound_routes for select to sambung_switch using (true);
create policy switch_read on telephony.outbound_route_trunks for select to sambung_switch using (true);
create policy switch_read on telephony.outside_budgets for select to sambung_switch using (true);

grant select on telephony.outbound_routes, telephony.outbound_route_trunks, telephony.outside_budgets
    to sambung_switch;
grant select, insert, update, delete on telephony.outbound_routes, telephony.outside_budgets to sambung_api;
grant select, insert, delete on telephony.outbound_route_trunks to sambung_api;

revoke select on telephony.trunks from sambung_api;
grant select (id, org_id, name, sources, channels_max, is_trusted, is_active, targets, auth_username, auth_realm,
    is_registering, registration_expiry_seconds, options_interval_seconds, number_format, from_number, created_at,
    updated_at, version) on telephony.trunks to sambung_api;

reset role;
