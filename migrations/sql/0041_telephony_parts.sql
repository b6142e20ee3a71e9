-- What the control plane changes piece by piece has versions that tell of all of it, whoever changes it (0034), and shows that there is
-- a secret without showing it.
set local role sambung_owner;

-- An extension's version tells of its hours and rules.
create trigger extension_operational_hours_touch_extension
    after insert or update or delete on telephony.extension_operational_hours
    for each row execute function telephony.touch_extension();
create trigger extension_rules_touch_extension after insert or update or delete on telephony.extension_rules
    for each row execute function telephony.touch_extension();

-- The version of an organisation's settings tells of its holidays.
create function telephony.touch_settings() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update telephony.organisation_settings s set language = s.language
     where s.org_id in (new.org_id, old.org_id) and s.xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
revoke all on function telephony.touch_settings() from public;
create trigger holidays_touch_settings after insert or update or delete on telephony.holidays
    for each row execute function telephony.touch_settings();

-- A queue's tells of its agents, a menu's of its choices.
create function telephony.touch_queue() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update telephony.queues q set strategy = q.strategy
     where q.org_id in (new.org_id, old.org_id) and q.id in (new.queue_id, old.queue_id)
       and q.xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
revoke all on function telephony.touch_queue() from public;
create trigger queue_agents_touch_queue after insert or update or delete on telephony.queue_agents
    for each row execute function telephony.touch_queue();

create function telephony.touch_menu() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update telephony.menus m set tries_max = m.tries_max
     where m.org_id in (new.org_id, old.org_id) and m.id in (new.menu_id, old.menu_id)
       and m.xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
revoke all on function telephony.touch_menu() from public;
create trigger menu_choices_touch_menu after insert or update or delete on telephony.menu_choices
    for each row execute function telephony.touch_menu();

alter table telephony.conferences add column has_pin boolean not null generated always as (pin is not null) stored;
grant select (has_pin) on telephony.conferences to sambung_api;

-- A person's number is changed in its place: what leads to the person stays.
alter table telephony.numbers
    add column updated_at timestamptz not null default now(),
    add column version integer not null default 1;
create trigger numbers_touch before update on telephony.numbers
    for each row execute function platform.touch();
grant update (number) on telephony.numbers to sambung_api;

reset role;
