-- Who may do what (DESIGN D9). Four roles, one purpose each:
--   sambung_owner     owns every object, never logs in; migrations act as it
--   sambung_api       the control plane: sees the rows of one organisation at a time (setting app.org)
--   sambung_switch    the switch: reads configuration of all organisations, only ever adds to the call tables
--   sambung_platform  organisations, people and their credentials; no call of any organisation
-- Login roles get their passwords at deployment, not here. Roles belong to the server, not to the database,
-- so another database of the same server may have made them already, or may be making them right now.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['sambung_owner', 'sambung_api', 'sambung_switch', 'sambung_platform'] loop
        begin
            execute format(
                'create role %I %s nosuperuser nobypassrls nocreatedb nocreaterole noreplication',
                wanted, case wanted when 'sambung_owner' then 'nologin' else 'login' end);
        exception when duplicate_object or unique_violation then
            null;
        end;
        -- A migrating user that is no superuser must be a member to act as a role (set role).
        if not pg_has_role(current_user, wanted, 'member') then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
    execute format('grant create on database %I to sambung_owner', current_database());
    execute format('grant connect on database %I to sambung_api, sambung_switch, sambung_platform',
        current_database());
end $$;
