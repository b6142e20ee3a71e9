-- Who is asked to belong to an organisation, and what members become over HTTP (H-047, H-048, HX-7, HX-23).
set local role sambung_owner;

alter table identity.memberships add constraint memberships_org_id_key unique (org_id, id);
create index memberships_created_idx on identity.memberships (org_id, created_at, id);

alter table identity.letters
    -- Of an invitation: to become which member of which organisation. The name is then the organisation's.
    add column org_id uuid,
    add column membership_id uuid,
    add constraint letters_membership_fkey foreign key (org_id, membership_id)
        references identity.memberships (org_id, id),
    drop constraint letters_kind_check,
    add constraint letters_kind_check check (kind in ('confirm', 'known', 'reset', 'nobody', 'invite')),
    add constraint letters_invite_check check ((kind = 'invite') = (membership_id is not null)
        and (org_id is null) = (membership_id is null));
create index letters_membership_idx on identity.letters (org_id, membership_id);

grant insert (id, org_id, email, role, granted),
    update (user_id, email, role, status, removed_at, granted, withheld) on identity.memberships to sambung_api;

reset role;
