-- Divisions (HX-16): parts of an organisation, with people and extensions. A branch admin who is in some of them changes what these
-- extensions are and nothing else of telephony; one who is in none changes all of it.
set local role sambung_owner;

create table telephony.divisions (
    id uuid not null,
    org_id uuid not null,
    name text not null,
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint divisions_pkey primary key (id),
    constraint divisions_org_id_key unique (org_id, id),
    constraint divisions_name_key unique (org_id, name),
    constraint divisions_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint divisions_name_check check (length(name) between 1 and 100),
    constraint divisions_description_check check (length(description) between 1 and 2000)
);
create index divisions_created_idx on telephony.divisions (org_id, created_at, id);

create table telephony.division_members (
    org_id uuid not null,
    division_id uuid not null,
    user_id uuid not null,
    constraint division_members_pkey primary key (org_id, division_id, user_id),
    constraint division_members_division_fkey foreign key (org_id, division_id)
        references telephony.divisions (org_id, id) on delete cascade,
    constraint division_members_member_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id)
);
create index division_members_user_idx on telephony.division_members (org_id, user_id);

create table telephony.division_extensions (
    org_id uuid not null,
    division_id uuid not null,
    extension_id uuid not null,
    constraint division_extensions_pkey primary key (org_id, division_id, extension_id),
    constraint division_extensions_division_fkey foreign key (org_id, division_id)
        references telephony.divisions (org_id, id) on delete cascade,
    constraint division_extensions_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade
);
create index division_extensions_extension_idx on telephony.division_extensions (org_id, extension_id);

create trigger divisions_touch before update on telephony.divisions
    for each row execute function platform.touch();
call platform.protect('telephony.divisions');
call platform.protect('telephony.division_members');
call platform.protect('telephony.division_extensions');
grant select, insert (id, org_id, name, description), update (name, description), delete
    on telephony.divisions to sambung_api;
grant select, insert, delete on telephony.division_members, telephony.division_extensions to sambung_api;

-- The divisions that the person who acts (app.actor) is kept to; none: to nothing.
create function telephony.own_divisions() returns setof uuid
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    select d.division_id
    from telephony.division_members d
    join identity.memberships m on m.org_id = d.org_id and m.user_id = d.user_id
    where d.org_id = platform.current_org() and d.user_id = platform.presented('app.actor') and m.role = 'branch_admin'
$$;
revoke all on function telephony.own_divisions() from public;
grant execute on function telephony.own_divisions() to sambung_api;

-- The one place where a person is kept to their divisions, whatever door they come by. The argument names the column that says which
-- extension a row is of; a row of none is the whole organisation's. What another trigger or a cascade does follows from what was looked at.
create function telephony.keep_to_divisions() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    own uuid[];
    old_row jsonb;
    new_row jsonb;
begin
    if platform.presented('app.actor') is not null and pg_trigger_depth() = 1 then
        own := array(select telephony.own_divisions());
    end if;
    if cardinality(own) > 0 then
        old_row := case when tg_op <> 'INSERT' then to_jsonb(old) end;
        new_row := case when tg_op <> 'DELETE' then to_jsonb(new) end;
        if exists (
            select from unnest(array[old_row, new_row]) as one (content)
            where content is not null and not exists (
                select from telephony.division_extensions e
                where tg_nargs = 1 and e.org_id = platform.current_org() and e.division_id = any (own)
                  and e.extension_id = (content ->> tg_argv[0])::uuid))
        then
            raise insufficient_privilege using message = 'not of the divisions', constraint = 'own_divisions';
        end if;
    end if;
    return coalesce(new, old);
end $$;
revoke all on function telephony.keep_to_divisions() from public;

-- What a person makes who is kept to divisions belongs to these.
create function telephony.join_own_divisions() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if platform.presented('app.actor') is not null then
        insert into telephony.division_extensions (org_id, division_id, extension_id)
        select new.org_id, own, new.id from telephony.own_divisions() own;
    end if;
    return null;
end $$;
revoke all on function telephony.join_own_divisions() from public;
create trigger extensions_join_own_divisions after insert on telephony.extensions
    for each row execute function telephony.join_own_divisions();

create trigger extensions_divisions before update or delete on telephony.extensions
    for each row execute function telephony.keep_to_divisions('id');
do $$
declare
    name text;
begin
    foreach name in array array['extension_assigned_staffs', 'extension_supervisors', 'numbers', 'extension_operational_hours',
        'extension_rules', 'menus', 'conferences', 'page_groups', 'queues', 'queue_agents'] loop
        execute format('create trigger %I before insert or update or delete on telephony.%I
            for each row execute function telephony.keep_to_divisions(''extension_id'')', name || '_divisions', name);
    end loop;
    -- A menu's choices change with their menu.
    foreach name in array array['organisation_settings', 'holidays', 'trunks', 'did_numbers', 'outbound_routes', 'outbound_route_trunks',
        'outbound_prices', 'outside_budgets', 'voicemail_boxes', 'sip_accounts', 'devices', 'device_lines',
        'divisions', 'division_members', 'division_extensions'] loop
        execute format('create trigger %I before insert or update or delete on telephony.%I
            for each row execute function telephony.keep_to_divisions()', name || '_divisions', name);
    end loop;
end $$;

reset role;
