-- What every other schema leans on: the scope, the row's age and version, the lock on a tenant table.
set local role sambung_owner;

create schema platform;
revoke all on schema platform from public;
grant usage on schema platform to sambung_api, sambung_switch, sambung_platform;

-- The organisation of the running unit of work. Unset, or left over as '' after an earlier transaction on the
-- same connection, is null: a policy that compares with null shows nothing.
create function platform.current_org() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.org', true), '')::uuid;

create function platform.touch() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    new.version := old.version + 1;
    return new;
end $$;

-- Row-level security for one table: on, also for the owner, and the control plane's policy on the column
-- that names the tenant. Every table of every schema of ours goes through here; sambung-api refuses to
-- start when one did not.
create procedure platform.protect(target regclass, org_column name default 'org_id')
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy api_own_org on %s to sambung_api using (%I = platform.current_org())'
        ' with check (%I = platform.current_org())', target, org_column, org_column);
end $$;

revoke all on all functions in schema platform from public;
revoke all on all procedures in schema platform from public;
grant execute on function platform.current_org() to sambung_api, sambung_switch, sambung_platform;

reset role;
