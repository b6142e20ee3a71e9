-- People sign in with Google, or another OpenID provider (decision 0065).
set local role sambung_owner;

alter table identity.auth_methods
    -- Who calls them so: what one provider calls somebody another may call somebody else.
    add column issuer text,
    add constraint auth_methods_issuer_check
        check ((provider = 'google_login') = (issuer is not null) and length(issuer) between 1 and 255);
create unique index auth_methods_google_key on identity.auth_methods (user_id) where provider = 'google_login';
grant select (issuer, created_at), insert (issuer), delete on identity.auth_methods to sambung_api;

-- By what it was begun.
alter table identity.sign_ins
    add column provider text not null default 'password',
    add constraint sign_ins_provider_check check (provider in ('password', 'google_login'));

alter table identity.letters
    drop constraint letters_kind_check,
    add constraint letters_kind_check check (kind in ('confirm', 'known', 'reset', 'nobody', 'invite',
        'approved', 'rejected', 'suspended', 'reactivated',
        'second_factor.on', 'second_factor.off', 'second_factor.reset', 'google.linked', 'google.unlinked'));

reset role;
