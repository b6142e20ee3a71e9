-- The routes of an organisation are one list with one version, which tells of all of it, whoever changes it.
set local role sambung_owner;

create table telephony.outbound_route_lists (
    org_id uuid not null,
    version integer not null default 1,
    constraint outbound_route_lists_pkey primary key (org_id),
    constraint outbound_route_lists_org_fkey foreign key (org_id) references identity.organisations (id)
);
insert into telephony.outbound_route_lists (org_id)
    select distinct org_id from telephony.outbound_routes;

-- Once in a transaction.
create function telephony.touch_outbound_routes() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into telephony.outbound_route_lists as l (org_id) values (coalesce(new.org_id, old.org_id))
        on conflict (org_id) do update set version = l.version + 1
            where l.xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
revoke all on function telephony.touch_outbound_routes() from public;

create trigger outbound_routes_touch_list after insert or update or delete on telephony.outbound_routes
    for each row execute function telephony.touch_outbound_routes();
create trigger outbound_route_trunks_touch_list
    after insert or update or delete on telephony.outbound_route_trunks
    for each row execute function telephony.touch_outbound_routes();

call platform.protect('telephony.outbound_route_lists');
-- Only by that function: rows that go with others are taken away by the owner.
create policy owner_touch on telephony.outbound_route_lists to sambung_owner using (true) with check (true);
grant select on telephony.outbound_route_lists to sambung_api;

reset role;
