-- What a change stands on: one at a time, and a version that tells of all of an extension.
set local role sambung_owner;

-- Before anything else in a change of what calls are decided by. The revision is raised by its statements in any case; who takes it
-- last may hold what another one waits for.
create function telephony.begin_change() returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '3s'
as $$
begin
    perform from telephony.revisions for update;
end $$;
revoke all on function telephony.begin_change() from public;
grant execute on function telephony.begin_change() to sambung_api;

-- An extension's version tells of its number and its people too, whoever changes them. Once in a transaction.
create function telephony.touch_extension() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    update telephony.extensions e set name = e.name
     where e.org_id in (new.org_id, old.org_id) and e.id in (new.extension_id, old.extension_id)
       and e.xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
revoke all on function telephony.touch_extension() from public;

create trigger numbers_touch_extension after insert or update or delete on telephony.numbers
    for each row execute function telephony.touch_extension();
create trigger extension_assigned_staffs_touch_extension
    after insert or update or delete on telephony.extension_assigned_staffs
    for each row execute function telephony.touch_extension();
create trigger extension_supervisors_touch_extension
    after insert or update or delete on telephony.extension_supervisors
    for each row execute function telephony.touch_extension();

-- Whoever looks whether the record is as it was written (platform.audit_breaks) looks at all of it.
create policy owner_read on platform.audit_events for select to sambung_owner using (true);

reset role;
