-- Whose configuration a revision has changed, so that a switch reads and compiles the rows of those and of nobody else.
set local role sambung_owner;

-- The last revision that has changed something of an organisation. One row each, also of those that are no more: a switch has to be
-- told of these too, so nothing refers to them. Written under the lock of telephony.revisions only.
create table telephony.organisation_revisions (
    org_id uuid not null,
    revision bigint not null,
    constraint organisation_revisions_pkey primary key (org_id)
);
create index organisation_revisions_revision_idx on telephony.organisation_revisions (revision);

call platform.protect('telephony.organisation_revisions');
create policy owner_all on telephony.organisation_revisions to sambung_owner using (true) with check (true);
create policy switch_read on telephony.organisation_revisions for select to sambung_switch using (true);
grant select on telephony.organisation_revisions to sambung_switch;

-- Whoever has changed nothing raises nothing. What the notification says is still no more than that there is something new.
create function telephony.raise_revision(orgs uuid[]) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    raised bigint;
begin
    if coalesce(cardinality(orgs), 0) = 0 then
        return;
    end if;
    update telephony.revisions set revision = revision + 1 returning revision into raised;
    insert into telephony.organisation_revisions (org_id, revision)
        select distinct org, raised from unnest(orgs) as org
        on conflict (org_id) do update set revision = excluded.revision;
    perform pg_notify('telephony_revision', '');
end $$;
revoke all on function telephony.raise_revision(uuid[]) from public;

-- Of a table with a column that names the organisation, the first argument. With a second one an update of a row counts only if these
-- columns are others than before.
create or replace function telephony.bump_revision() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    orgs uuid[];
begin
    if tg_op = 'UPDATE' and tg_nargs > 1 then
        execute format(
            'select array_agg(distinct org) from ('
            '(select id, %1$I as org, %2$s from old_rows except select id, %1$I, %2$s from new_rows) union all '
            '(select id, %1$I as org, %2$s from new_rows except select id, %1$I, %2$s from old_rows)) as others',
            tg_argv[0], tg_argv[1]) into orgs;
    elsif tg_op = 'UPDATE' then
        execute format(
            'select array_agg(distinct org) from (select %1$I as org from old_rows union select %1$I from new_rows) as both_rows',
            tg_argv[0]) into orgs;
    elsif tg_op = 'INSERT' then
        execute format('select array_agg(distinct %I) from new_rows', tg_argv[0]) into orgs;
    else
        execute format('select array_agg(distinct %I) from old_rows', tg_argv[0]) into orgs;
    end if;
    perform telephony.raise_revision(orgs);
    return null;
end $$;

-- Of people the plan reads what they are called and whether they may act, in each organisation that they belong to.
create function telephony.bump_revision_of_people() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform telephony.raise_revision(array(
        select distinct m.org_id
          from old_rows o
          join new_rows n using (id)
          join identity.memberships m on m.user_id = n.id
         where (o.name, o.status) is distinct from (n.name, n.status)));
    return null;
end $$;
revoke all on function telephony.bump_revision_of_people() from public;

-- Calls are decided by the rows of this table: whoever changes one raises the revision of its organisation. Every table of which
-- that is so goes through here.
create procedure telephony.decides_calls(target regclass, org_column name default 'org_id', watched text default null)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    named constant name := (select relname from pg_class where oid = target);
    arguments constant text := concat_ws(', ', quote_literal(org_column), quote_literal(watched));
    event text;
    seen text;
begin
    for event, seen in
        select * from (values ('insert', 'new table as new_rows'), ('delete', 'old table as old_rows'),
            ('update', 'old table as old_rows new table as new_rows')) as events loop
        execute format(
            'create trigger %I after %s on %s referencing %s for each statement execute function telephony.bump_revision(%s)',
            named || '_revision_' || event, event, target, seen, arguments);
    end loop;
end $$;
revoke all on procedure telephony.decides_calls(regclass, name, text) from public;

do $$
declare
    target regclass;
    named name;
begin
    for target, named in select tgrelid, tgname from pg_trigger
        where tgfoid = 'telephony.bump_revision()'::regprocedure loop
        execute format('drop trigger %I on %s', named, target);
        if target not in ('identity.organisations'::regclass, 'identity.users', 'identity.memberships') then
            call telephony.decides_calls(target);
        end if;
    end loop;
end $$;
call telephony.decides_calls('identity.organisations', 'id', 'status');
call telephony.decides_calls('identity.memberships', 'org_id', 'status, removed_at, user_id');
create trigger users_revision after update on identity.users
    referencing old table as old_rows new table as new_rows
    for each statement execute function telephony.bump_revision_of_people();

reset role;
