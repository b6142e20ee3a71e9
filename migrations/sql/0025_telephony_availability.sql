-- What people have turned on and off for themselves, and whether queues ask them (decision 0046). The switch writes it, and is
-- its own reader: no configuration, so it has no revision. A row is changed by whoever says something later.
set local role sambung_owner;

create table telephony.availability (
    org_id uuid not null,
    -- A member of staff, or a bare account.
    user_id uuid,
    account_id uuid,
    setting text not null,
    -- `on`, `off`, or why somebody is paused.
    value text not null,
    changed_at timestamptz not null,
    constraint availability_key unique nulls not distinct (org_id, user_id, account_id, setting),
    constraint availability_staff_fkey foreign key (org_id, user_id)
        references identity.memberships (org_id, user_id) on delete cascade,
    constraint availability_account_fkey foreign key (org_id, account_id)
        references telephony.sip_accounts (org_id, id) on delete cascade,
    constraint availability_whose_check check (num_nonnulls(user_id, account_id) = 1),
    constraint availability_setting_check check (setting in ('do_not_disturb', 'call_waiting', 'pause')),
    constraint availability_value_check check (
        case setting when 'pause' then value in ('off', 'order', 'missed') else value in ('on', 'off') end)
);
create index availability_account_idx on telephony.availability (org_id, account_id);

-- Says that somebody has turned something on or off, not who or what: its payload would be outside row-level security.
create function telephony.availability_changed() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('telephony_availability', '');
    return null;
end $$;
create trigger availability_changed after insert or update or delete on telephony.availability
    for each statement execute function telephony.availability_changed();

call platform.protect('telephony.availability');
create policy switch_read on telephony.availability for select to sambung_switch using (true);
create policy switch_add on telephony.availability for insert to sambung_switch with check (true);
create policy switch_change on telephony.availability for update to sambung_switch using (true) with check (true);

grant select, insert, update (value, changed_at) on telephony.availability to sambung_switch;
grant select on telephony.availability to sambung_api;

reset role;
